import Basics
import ContrastiveLosses
import Evaluation
import Foundation

/// What came out of a run: `result.json`. It holds no times and nothing of the machine, so that the same
/// configuration and seed give the same file. Accuracies are shares in 0...1.
public struct RunResult: Codable, Sendable, Equatable {
  /// As in the configuration: the folder of the runs, for example "mnist-coarse".
  public var experiment: String
  /// The data set's name in tables.
  public var title: String
  /// The profile that the configuration was resolved for.
  public var profile: String
  /// The contrastive loss that was trained with.
  public var loss: ContrastiveLoss
  /// Of the configuration's identity, which tells apart runs with different settings.
  public var fingerprint: String
  /// Of weights, batches, views, dropout and probe; splits and label noise have seeds of their own.
  public var seed: Int

  /// For example "ViT 4 x 128, 4 heads, patch 4".
  public var encoder: String
  /// Trained values of the encoder.
  public var parameters: Int
  /// Epochs that were trained: fewer than configured where early stopping ended them.
  public var epochs: Int
  /// Images that were trained on, those for validation left out.
  public var trainingImages: Int
  /// Images that chose the epoch.
  public var validationImages: Int
  /// Images that all figures below but the validation accuracy are of.
  public var testImages: Int
  /// Damaged images that were left out (`data.skipDamaged`); nil where none were.
  public var skippedImages: Int?

  /// The epoch, from 1, whose network was evaluated: the one with the best validation accuracy.
  public var bestEpoch: Int
  /// The trained classifier's accuracy at that epoch, on the validation labels it was trained for.
  public var validationAccuracy: Double
  /// Every figure that this run has, by the key of its `Measure`; accuracies are shares.
  public var figures: [String: Double]
  /// Why a figure that this run should have is undefined, by its key: "no malignant test image". Nil where all are
  /// defined, and in results of earlier versions.
  public var undefined: [String: String]?
  /// How many training embeddings voted, as configured (k).
  public var neighbours: Int
  /// How far each class has drawn together, class by class; what tables show of it is among `figures`.
  public var classCollapse: Collapse
  /// The same test embeddings by stratum.
  public var stratumCollapse: Collapse

  package init(
    _ configuration: ExperimentConfiguration, seed: Int, encoder: String, parameters: Int, epochs: Int,
    trainingImages: Int, validationImages: Int, testImages: Int, skippedImages: Int? = nil, bestEpoch: Int,
    validationAccuracy: Double, figures: [String: Double], undefined: [String: String] = [:],
    classCollapse: Collapse, stratumCollapse: Collapse
  ) {
    (experiment, title) = (configuration.experiment, configuration.title)
    (profile, loss) = (configuration.profile, configuration.objective.loss)
    (fingerprint, self.seed) = (configuration.fingerprint, seed)
    (self.encoder, self.parameters, self.epochs) = (encoder, parameters, epochs)
    (self.trainingImages, self.validationImages) = (trainingImages, validationImages)
    (self.testImages, self.skippedImages) = (testImages, skippedImages)
    (self.bestEpoch, self.validationAccuracy) = (bestEpoch, validationAccuracy)
    (self.figures, self.undefined) = (figures, undefined.isEmpty ? nil : undefined)
    neighbours = configuration.neighbours.k
    (self.classCollapse, self.stratumCollapse) = (classCollapse, stratumCollapse)
  }

  /// A figure; nil where the run does not have it.
  public subscript(measure: Measure) -> Double? { figures[measure.key] }

  /// Reads a `result.json`.
  /// - Throws: `RunError` with the file when it cannot be read, or is not what was written.
  public static func read(_ file: URL) throws -> RunResult {
    do {
      return try ChecksummedJSON.read(RunResult.self, from: file)
    } catch {
      throw RunError("\(file.path) is damaged or another version's: \(Self.sentence(error)). \(advice)")
    }
  }

  package static let advice =
    "Remove it and give the command that trained the run again: only its evaluation is done anew"

  /// What a decoder found, in few words.
  private static func sentence(_ error: any Error) -> String {
    switch error {
    case let error as FileFormatError: error.reason
    case DecodingError.keyNotFound(let key, _): "the key \"\(key.stringValue)\" is missing"
    case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context):
      "the value of \"\(context.codingPath.map(\.stringValue).joined(separator: "."))\" has another type"
    case DecodingError.dataCorrupted(let context) where !context.codingPath.isEmpty:
      "the value of \"\(context.codingPath.map(\.stringValue).joined(separator: "."))\" is not known"
    case DecodingError.dataCorrupted: "it is not JSON"
    default: error.localizedDescription
    }
  }

  package func write(to file: URL) throws { try ChecksummedJSON.write(self, to: file) }
}

extension RunResult {
  /// Reads results of this version and of earlier ones.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    experiment = try values.decode(String.self, forKey: .experiment)
    title = try values.decode(String.self, forKey: .title)
    profile = try values.decode(String.self, forKey: .profile)
    loss = try values.decode(ContrastiveLoss.self, forKey: .loss)
    fingerprint = try values.decode(String.self, forKey: .fingerprint)
    seed = try values.decode(Int.self, forKey: .seed)
    encoder = try values.decode(String.self, forKey: .encoder)
    parameters = try values.decode(Int.self, forKey: .parameters)
    epochs = try values.decode(Int.self, forKey: .epochs)
    trainingImages = try values.decode(Int.self, forKey: .trainingImages)
    validationImages = try values.decode(Int.self, forKey: .validationImages)
    testImages = try values.decode(Int.self, forKey: .testImages)
    skippedImages = try values.decodeIfPresent(Int.self, forKey: .skippedImages)
    bestEpoch = try values.decode(Int.self, forKey: .bestEpoch)
    validationAccuracy = try values.decode(Double.self, forKey: .validationAccuracy)
    undefined = try values.decodeIfPresent([String: String].self, forKey: .undefined)
    neighbours = try values.decode(Int.self, forKey: .neighbours)
    classCollapse = try values.decode(Collapse.self, forKey: .classCollapse)
    stratumCollapse = try values.decode(Collapse.self, forKey: .stratumCollapse)
    figures =
      try values.decodeIfPresent([String: Double].self, forKey: .figures)
      ?? FormerFigures(from: decoder).byKey(classCollapse, stratumCollapse)
  }
}

/// The figures as results of version 0.1 and before had them: each a key of its own.
private struct FormerFigures: Decodable {
  var fineAccuracy: Double
  var coarseAccuracy: Double
  var neighbourAccuracy: Double
  var areaUnderROC: Double?

  func byKey(_ classes: Collapse, _ strata: Collapse) -> [String: Double] {
    let figures: [Measure: Double?] = [
      .fineAccuracy: fineAccuracy, .coarseAccuracy: coarseAccuracy, .neighbourAccuracy: neighbourAccuracy,
      .areaUnderROC: areaUnderROC, .classCosine: classes.withinCosine, .stratumCosine: strata.withinCosine,
      .withinVarianceShare: classes.withinVarianceShare,
    ]
    return Dictionary(uniqueKeysWithValues: figures.compactMap { key, value in value.map { (key.key, $0) } })
  }
}

extension RunResult {
  /// Its accuracies for the person who waits.
  package var accuracyText: String {
    let shown = [Measure.fineAccuracy, .coarseAccuracy].compactMap { measure in
      measure.value(of: self).map { "\(measure.column) \(measure.text($0))%" }
    }
    let reasons = Measure.all.compactMap { measure in
      undefined?[measure.key].map { "\(measure.column) undefined: \($0)" }
    }
    return (shown + reasons).joined(separator: ", ")
  }

  /// The results of a configuration's complete runs, and the seeds of those that are not.
  /// - Parameter seeds: empty: the configuration's own.
  package static func complete(
    _ configuration: ExperimentConfiguration, seeds: [Int], in runs: URL
  ) throws -> (results: [RunResult], missingSeeds: [Int]) {
    var (results, missing): ([RunResult], [Int]) = ([], [])
    for seed in seeds.isEmpty ? configuration.seeds : seeds {
      let folder = RunFolder.of(configuration, seed: seed, in: runs)
      if folder.isComplete {
        results.append(try folder.completeResult(of: configuration))
      } else {
        missing.append(seed)
      }
    }
    return (results, missing)
  }
}
