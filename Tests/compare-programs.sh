#!/bin/sh
# Trains small runs with two versions of spread-exp and compares what they leave, byte for byte: checkpoints, the lines of
# metrics.jsonl without what a clock measured, run folders' names, and every figure of a table.
#
#   Tests/compare-programs.sh OLD NEW [FOLDER]
#
# OLD and NEW are program files, as `make build` leaves them in .build/release. For a change that should change no bit.
set -eu
old=$(realpath "$1"); new=$(realpath "$2"); work=$(realpath -m "${3:-/tmp/compare-programs.$$}")
cd "$(dirname "$0")/.."
unset OPENBLAS_CORETYPE OPENBLAS_L2_SIZE SPREAD_DATA
export OPENBLAS_NUM_THREADS=1

train() { # program, folder
  run="$1 train --profile smoke --threads 1 --runs $2"
  $run --config glyphs-coarse
  $run --config glyphs-coarse --loss attract --loss repel --set loss.positiveClamp=1 --set loss.layout=pooled
  $run --config glyphs-coarse --loss spread --set data.labelNoise.share=0.2 --set projection.width=16 --set epochs=2 \
    --set schedule.name=multiStep --set 'schedule.milestones=[1]' --set schedule.warmUpEpochs=0.5 \
    --set optimiser.name=sgd --set optimiser.nesterov=true --set optimiser.gradientClip=1 --set classifier.labelSmoothing=0.1
  few="--set data.trainingImagesOfDigit=[60,60,60,60,60,60,60,60,60,60] --set data.testImagesOfDigit=[20,20,20,20,20,20,20,20,20,20]"
  run="$1 train --profile quick --threads 1 --seed 0 --runs $2 --config glyphs-coarse --set epochs=2 --set probe.epochs=20 $few"
  $run --loss supcon --set 'encoder.blocks=[1,1]' --set data.fraction=0.5 --set loss.symmetric=true \
    --set augmentation.flip=0.5 --set 'augmentation.cropArea=[0.3,0.9]'
  $run --loss selfSupervised --set 'encoder={"name":"resnet18","stem":"large"}' --set data.imageSize=32 \
    --set schedule.name=cosineToZero --set validation.share=0.2
}

mkdir -p "$work"
for side in old new; do
  eval program=\$$side
  train "$program" "$work/$side" >"$work/$side.log" 2>&1 || { tail -3 "$work/$side.log"; exit 1; }
  (cd "$work/$side" && find . -name seed-0 | sort) >"$work/$side.folders"
  for table in 2 4 A2; do "$program" table $table --profile smoke --runs "$work/$side" --format json; done \
    >"$work/$side.tables"
done

same=0 different=0
compare() { # what, file, file
  if cmp -s "$2" "$3"; then same=$((same + 1)); else different=$((different + 1)); echo "differs: $1"; fi
}
compare "the folders of runs" "$work/old.folders" "$work/new.folders"
compare "the tables" "$work/old.tables" "$work/new.tables"
while read -r folder; do
  for file in best.safetensors checkpoint.safetensors configuration.json; do
    compare "$folder/$file" "$work/old/$folder/$file" "$work/new/$folder/$file"
  done
  for side in old new; do
    sed -E 's/"(seconds|imagesPerSecond|waitingShare)":[^,}]*,?//g' "$work/$side/$folder/metrics.jsonl" >"$work/$side.metrics"
    # Figures as key and value, wherever in the file they stand.
    tr -d ' \n' <"$work/$side/$folder/result.json" \
      | grep -oE '"(fineAccuracy|coarseAccuracy|neighbourAccuracy|areaUnderROC|validationAccuracy|bestEpoch)":[^,}]*' \
      | sort >"$work/$side.figures"
  done
  compare "$folder/metrics.jsonl" "$work/old.metrics" "$work/new.metrics"
  compare "$folder/result.json" "$work/old.figures" "$work/new.figures"
done <"$work/old.folders"
echo "$same the same, $different different ($work)"
[ "$different" = 0 ]
