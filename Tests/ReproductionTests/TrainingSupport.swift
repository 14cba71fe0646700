import Foundation

@testable import Reproduction

/// Small digit files in a folder, in MNIST's form, and configurations that train on them in no time.
///
/// Digits from 5 on have their lower half bright, the others the upper one; a stripe, whose place is the
/// digit's, and noise make the images of a class differ.
struct TinyExperiment {
  var configuration = ExperimentConfiguration()
  let folder: URL

  init(in folder: URL) throws {
    self.folder = folder
    try Self.writeDigits(folder)
    configuration.experiment = "tiny"
    configuration.title = "Tiny"
    configuration.data.name = .mnist
    configuration.encoder.width = 16
    configuration.encoder.depth = 1
    configuration.encoder.heads = 2
    configuration.encoder.patch = 7
    configuration.encoder.mlpWidth = 32
    configuration.optimiser.rate = 3e-3
    configuration.epochs = 4
    configuration.batchSize = 16
    configuration.augmentation = Self.mildViews
    configuration.probe.epochs = 5
    configuration.seeds = [0]
    configuration.threads = 1
  }

  func data() throws -> ExperimentData {
    try ExperimentData(ExperimentData.Key(configuration), folder: folder)
  }

  /// Trains in a folder below the experiment's.
  @discardableResult
  func train(_ name: String, seed: Int = 0) throws -> RunFolder {
    let run = RunFolder(folder.appendingPathComponent(name))
    let lock = try run.locked()
    defer { withExtendedLifetime(lock) {} }
    try run.prepare(configuration, seed: seed)
    try Trainer(configuration, seed: seed, data: data(), folder: run, progress: silent()).train()
    return run
  }

  private static var mildViews: AugmentationSettings {
    var views = AugmentationSettings()
    views.cropArea = [0.8, 1]
    (views.saturation, views.hue, views.grey) = (0, 0, 0)
    return views
  }

  private static func writeDigits(_ folder: URL) throws {
    for (part, count) in [("train", 140), ("t10k", 40)] {
      let digits = (0..<count).map { $0 % 10 }
      var pixels = Data()
      for (number, digit) in digits.enumerated() {
        for place in 0..<784 {
          let (row, column) = (place / 28, place % 28)
          let isBright = (row < 14) == (digit < 5)
          let isStripe = column / 5 == digit % 5
          pixels.append(UInt8((isBright ? 120 : 10) + (isStripe ? 80 : 0) + (place * 31 + number * 17) % 40))
        }
      }
      let length: [UInt8] = [0, 0, 0, UInt8(count)]
      let images = Data([0, 0, 8, 3] + length + [0, 0, 0, 28, 0, 0, 0, 28]) + pixels
      try images.write(to: folder.appendingPathComponent("\(part)-images-idx3-ubyte"))
      try Data([0, 0, 8, 1] + length + digits.map { UInt8($0) }).write(
        to: folder.appendingPathComponent("\(part)-labels-idx1-ubyte"))
    }
  }
}

/// Progress that is kept, or not looked at.
func silent(_ write: @escaping (String) -> Void = { _ in }) -> ProgressLine {
  ProgressLine(isTerminal: false, width: { 80 }, write: write, clock: { 0 })
}

/// The numbers of one key of `metrics.jsonl`, by epoch.
func numbers(_ key: String, of run: RunFolder) throws -> [Double] {
  try MetricsLog(file: run.metrics).entries().compactMap { $0[key]?.double }
}
