import Foundation

/// CIFAR-10: 32 x 32 colour images of ten classes, 50,000 for training and 10,000 for test, read from the binary
/// version's archive as it is distributed, or from its unpacked folder.
///
/// - Source: Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.
public enum CIFAR10 {
  static let files = CIFARFiles(
    name: "CIFAR-10", folders: ["cifar10", "cifar-10", "CIFAR10", "CIFAR-10"], archive: "cifar-10-binary",
    smallArchive: "cifar-10-small-binary", unpacked: "cifar-10-batches-bin",
    training: (1...5).map { "data_batch_\($0).bin" }, test: "test_batch.bin",
    labels: [CIFARFiles.Label(names: CIFARNames.ten, file: "batches.meta.txt")], coarseOfFine: [],
    trainingCount: 50_000, testCount: 10_000, firstTrainingLabels: [6, 9, 9, 4, 1, 1, 2, 7, 8, 3],
    firstTestLabels: [3, 8, 8, 0, 6, 6, 1, 6, 3, 1])

  /// How to get the files.
  public static var advice: String { files.advice }

  /// The ten classes as classes and strata.
  ///
  /// Fewer records than were published are read too, and `source` says so; more are refused.
  /// - Parameter folder: the folder with `cifar-10-binary.tar.gz` or `cifar-10-batches-bin`, or one that has them
  ///   in `cifar10`, `cifar-10`, `CIFAR10` or `CIFAR-10`. Where there is nothing else, `cifar-10-small-binary.tar.gz`
  ///   is taken.
  /// - Throws: `MissingDataError` when nothing is there, `FileFormatError` when it is not what it should be.
  /// - Complexity: the time of decompression; memory for the pixels (184 MB) and one piece of 200 kB.
  public static func load(from folder: String?) throws -> DatasetSplits {
    try files.read(from: folder).splits(
      named: "CIFAR10", classNames: CIFARNames.ten, stratumNames: CIFARNames.ten)
  }

  /// Animals against vehicles as classes, the ten classes as strata.
  public static func loadCoarse(from folder: String?) throws -> DatasetSplits {
    coarse(try load(from: folder))
  }

  static func coarse(_ fine: DatasetSplits) -> DatasetSplits {
    let kinds = CIFARNames.ten.map { CIFARNames.animals.contains($0) ? 0 : 1 }
    return fine.mapped {
      $0.relabelled("CIFAR10-Coarse", classOfStratum: kinds, classNames: ["animals", "vehicles"])
    }
  }
}

/// CIFAR-100: 32 x 32 colour images of a hundred classes in 20 superclasses, 50,000 for training and 10,000 for
/// test, read from the binary version's archive as it is distributed, or from its unpacked folder.
///
/// - Source: Krizhevsky, "Learning Multiple Layers of Features from Tiny Images", 2009.
public enum CIFAR100 {
  static let files = CIFARFiles(
    name: "CIFAR-100", folders: ["cifar100", "cifar-100", "CIFAR100", "CIFAR-100"],
    archive: "cifar-100-binary",
    smallArchive: "cifar-100-small-binary", unpacked: "cifar-100-binary", training: ["train.bin"],
    test: "test.bin",
    labels: [
      CIFARFiles.Label(names: CIFARNames.coarse, file: "coarse_label_names.txt"),
      CIFARFiles.Label(names: CIFARNames.hundred, file: "fine_label_names.txt"),
    ], coarseOfFine: CIFARNames.coarseOfFine, trainingCount: 50_000, testCount: 10_000,
    firstTrainingLabels: [19, 29, 0, 11, 1], firstTestLabels: [49, 33, 72, 51, 71])

  /// How to get the files.
  public static var advice: String { files.advice }

  /// Training images that CIFAR100-Coarse-U keeps of a superclass's five classes, in the order of their labels.
  public static let unbalancedCounts = [500, 250, 100, 50, 50]

  /// The hundred classes as classes and strata.
  /// - Parameter folder: as for `CIFAR10.load(from:)`, with `100` for `10`; the unpacked folder is called
  ///   `cifar-100-binary`.
  /// - Throws: `MissingDataError`, `FileFormatError`.
  public static func load(from folder: String?) throws -> DatasetSplits {
    try files.read(from: folder).splits(
      named: "CIFAR100", classNames: CIFARNames.hundred, stratumNames: CIFARNames.hundred)
  }

  /// The superclasses as classes, the hundred classes as strata.
  public static func loadCoarse(from folder: String?) throws -> DatasetSplits {
    coarse(try load(from: folder))
  }

  /// The superclasses with common and rare strata: of the five classes of each, in the order of their labels, 500,
  /// 250, 100, 50 and 50 training images are kept. The test images are all there.
  public static func loadCoarseUnbalanced(from folder: String?) throws -> DatasetSplits {
    coarseUnbalanced(try load(from: folder))
  }

  static func coarse(_ fine: DatasetSplits) -> DatasetSplits {
    fine.mapped {
      $0.relabelled(
        "CIFAR100-Coarse", classOfStratum: CIFARNames.coarseOfFine, classNames: CIFARNames.coarse)
    }
  }

  /// - Parameter seed: chooses the images that are kept.
  static func coarseUnbalanced(_ fine: DatasetSplits, seed: UInt64 = 42) -> DatasetSplits {
    let coarse = coarse(fine)
    var seen = [Int](repeating: 0, count: CIFARNames.coarse.count)
    let counts = CIFARNames.coarseOfFine.map { superclass in
      seen[superclass] += 1
      return unbalancedCounts[seen[superclass] - 1]
    }
    let kept = coarse.training.subsampled(stratumCounts: counts, seed: seed)
    return DatasetSplits(
      training: kept.renamed("CIFAR100-Coarse-U"), test: coarse.test.renamed("CIFAR100-Coarse-U"),
      source: coarse.source, contents: coarse.contents)
  }
}
