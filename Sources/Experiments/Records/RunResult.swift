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
  /// The linear probe's accuracy on the fine test labels.
  public var fineAccuracy: Double
  /// The trained classifier's accuracy on the test labels it was trained for: the end model.
  public var coarseAccuracy: Double
  /// The same classifier's area under the ROC curve, the second class being the positive one; nil where there are not
  /// two classes, where the test images hold one of them only, and in results of earlier versions.
  public var areaUnderROC: Double?
  /// Why a figure that this run should have is undefined, by the figure's name: "no malignant test image". Nil where
  /// all are defined, and in results of earlier versions.
  public var undefined: [String: String]?
  /// Accuracy on the fine test labels by nearest training embeddings.
  public var neighbourAccuracy: Double
  /// How many training embeddings voted, as configured (k).
  public var neighbours: Int
  /// Of the test embeddings: how far each class, and each stratum (fine class), has drawn together.
  public var classCollapse: Collapse
  /// The same test embeddings by stratum.
  public var stratumCollapse: Collapse

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
