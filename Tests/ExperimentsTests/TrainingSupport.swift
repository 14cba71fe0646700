import Basics
import Datasets
import Foundation
import NeuralNetworks
import TestSupport

@testable import Experiments

/// Small digit files in a folder, and configurations that train on them in no time.
struct TinyExperiment {
  var configuration = ExperimentConfiguration()
  let folder: URL

  init(in folder: URL) throws {
    self.folder = folder
    try TinyDigits.write(to: folder)
    configuration.experiment = "tiny"
    configuration.title = "Tiny"
    configuration.data.name = "mnist"
    var network = VisionTransformer.Configuration()
    (network.width, network.depth, network.heads) = (16, 1, 2)
    (network.patchSize, network.mlpWidth) = (7, 32)
    configuration.encoder = .vit(network)
    var optimiser = AdamW.Configuration()
    optimiser.rate = 3e-3
    configuration.optimiser = .adamw(optimiser)
    configuration.epochs = 4
    configuration.batchSize = 16
    configuration.augmentation = Self.mildViews
    configuration.probe.epochs = 5
    configuration.seeds = [0]
    configuration.threads = 1
  }

  /// What its networks are made for.
  static let task = TaskShape(images: ImageShape(size: 28, channels: 1), classes: 2)

  /// Changes the vision transformer that it has by default.
  mutating func changeEncoder(_ change: (inout VisionTransformer.Configuration) -> Void) {
    guard case .vit(var network) = configuration.encoder else { return }
    change(&network)
    configuration.encoder = .vit(network)
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

  private static var mildViews: Augmentation {
    var views = Augmentation.defaults
    views.cropArea = 0.8...1
    (views.saturation, views.hue, views.grey) = (0, 0, 0)
    return views
  }
}

/// Progress that is kept, or not looked at.
func silent(_ write: @escaping (String) -> Void = { _ in }) -> ProgressLine {
  ProgressLine(isTerminal: false, width: { 80 }, write: write, clock: { 0 })
}

/// The numbers of one figure of `metrics.jsonl`, by epoch.
func numbers(_ figure: EpochFigure, of run: RunFolder) throws -> [Double] {
  try MetricsLog(file: run.metrics).entries().compactMap { $0[figure] }
}

extension DataSettings.Name: ExpressibleByStringLiteral {
  public init(stringLiteral name: String) { self.init(rawValue: name)! }
}
