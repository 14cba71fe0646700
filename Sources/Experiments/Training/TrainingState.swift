import Datasets
import Foundation
import NeuralNetworks
import Tensors

/// Where a training run stands: with the network and the optimiser, all that its future depends on.
struct TrainingState: Codable, Equatable {
  /// Epochs done.
  var epoch = 0
  /// Steps done in the epoch after those.
  var step = 0
  /// What random layers draw from next.
  var generator: RandomGenerator
  /// Of the steps done in this epoch, for its averages.
  var sums = Sums()
  /// The best validation accuracy so far and its epoch, from 1; 0 before the first.
  var bestAccuracy = -1.0
  var bestEpoch = 0
  /// Where early stopping stands; nil without it.
  var patience: Patience?

  struct Patience: Codable, Equatable {
    /// The last validation accuracy that counted as an improvement.
    var accuracy: Double
    /// Epochs since.
    var epochs = 0
  }

  struct Sums: Codable, Equatable {
    var contrastive = 0.0
    var crossEntropy = 0.0
    var gradientNorm = 0.0
    var maximumGradientNorm = 0.0
    /// Batches in which no class has two points.
    var batchesWithoutPairs = 0
  }
}

extension TrainingState {
  /// Counts an epoch's validation accuracy towards early stopping.
  mutating func count(_ accuracy: Double, _ settings: EarlyStoppingSettings) {
    guard settings.isOn else { return }
    if let last = patience, accuracy <= last.accuracy + settings.minimumImprovement {
      patience!.epochs += 1
    } else {
      patience = Patience(accuracy: accuracy)
    }
  }

  /// Whether so many epochs went by without an improvement that training ends.
  func isOutOfPatience(_ settings: EarlyStoppingSettings) -> Bool {
    guard let limit = settings.patience, let patience else { return false }
    return patience.epochs >= limit
  }
}

extension TrainingState.Sums {
  mutating func add(_ figures: TrainingStep.Outcome, of batch: Batch) {
    contrastive += figures.contrastive
    crossEntropy += figures.crossEntropy
    gradientNorm += figures.gradientNorm
    maximumGradientNorm = max(maximumGradientNorm, figures.gradientNorm)
    batchesWithoutPairs += batch.hasNoPair ? 1 : 0
  }

  /// Checkpoints of earlier versions lack what was added later; an epoch that goes on from one counts from there.
  init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    contrastive = try values.decode(Double.self, forKey: .contrastive)
    crossEntropy = try values.decode(Double.self, forKey: .crossEntropy)
    gradientNorm = try values.decode(Double.self, forKey: .gradientNorm)
    maximumGradientNorm = try values.decodeIfPresent(Double.self, forKey: .maximumGradientNorm) ?? 0
    batchesWithoutPairs = try values.decodeIfPresent(Int.self, forKey: .batchesWithoutPairs) ?? 0
  }
}

/// A checkpoint file: a `.safetensors` with the network under `model.`, the optimiser under `optimiser.`, and
/// in its metadata the training state and the resolved configuration, so that the file explains itself.
struct Checkpoint {
  /// Files of this format have a checksum of all their bytes, and the run's seed.
  static let format = "spread-checkpoint 2"
  /// What earlier versions wrote has neither.
  static let formerFormat = "spread-checkpoint 1"

  let file: URL
  var tensors: [String: Tensor]
  var state: TrainingState
  var configuration: ExperimentConfiguration
  /// Nil in a file of the former format.
  var seed: Int?

  /// Writes a checkpoint in the file's place. The same state gives the same bytes.
  /// - Parameter optimiser: nil for a network that is kept to be evaluated.
  static func write(
    _ model: TrainedModel, optimiser: (any Optimiser)?, state: TrainingState,
    configuration: ExperimentConfiguration, seed: Int, to file: URL
  ) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = .sortedKeys
    let metadata = [
      "format": format,
      "state": String(decoding: try encoder.encode(state), as: UTF8.self),
      "configuration": configuration.identity.json,
      "seed": "\(seed)",
    ]
    let tensors =
      model.state().map { (name: "model.\($0.name)", tensor: $0.tensor) }
      + (optimiser?.state() ?? []).map { (name: "optimiser.\($0.name)", tensor: $0.tensor) }
    try SafeTensors.write(tensors, metadata: metadata, to: file.path)
  }

  /// - Throws: `FileFormatError` for a file that is not whole or not as it was written, `RunError` for one that is not
  ///   a checkpoint.
  init(_ file: URL) throws {
    self.file = file
    let contents = try SafeTensors(path: file.path)
    let format = contents.metadata["format"] ?? ""
    guard [Self.format, Self.formerFormat].contains(format), let state = contents.metadata["state"],
      let configuration = contents.metadata["configuration"]
    else {
      throw RunError(
        "\(file.path) is not a checkpoint of this program: its metadata lack the format \"\(Self.format)\"")
    }
    guard contents.hasChecksum || format == Self.formerFormat else {
      throw RunError("\(file.path) is damaged: it has lost its checksum")
    }
    seed = contents.metadata["seed"].flatMap { Int($0) }
    do {
      self.state = try JSONDecoder().decode(TrainingState.self, from: Data(state.utf8))
    } catch {
      throw RunError("\(file.path): the training state in its metadata cannot be read")
    }
    do {
      self.configuration = try ExperimentConfiguration(json: configuration, source: file.path)
    } catch {
      // Nobody's configuration is wrong: it is the file that is damaged, or another version's.
      throw RunError("the configuration in the metadata of \(error)")
    }
    tensors = contents.tensors
  }

  /// Reads a checkpoint that must be of a run.
  /// - Throws: as above, and `RunError` for another run's.
  init(_ file: URL, of configuration: ExperimentConfiguration, seed: Int) throws {
    try self.init(file)
    guard self.configuration == configuration.identity else {
      throw RunError("\(file.path) was made with other settings than the run's")
    }
    guard self.seed == nil || self.seed == seed else {
      throw RunError("\(file.path) was made with another seed than the run's")
    }
  }

  /// Those tensors whose names begin so, without that beginning.
  func tensors(under prefix: String) -> [String: Tensor] {
    var result: [String: Tensor] = [:]
    for (name, tensor) in tensors where name.hasPrefix(prefix) {
      result[String(name.dropFirst(prefix.count))] = tensor
    }
    return result
  }
}
