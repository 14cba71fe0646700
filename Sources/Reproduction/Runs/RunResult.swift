import ContrastiveLosses
import Evaluation
import Foundation
import Tensors

/// What came out of a run: `result.json`. It holds no times and nothing of the machine, so that the same
/// configuration and seed give the same file. Accuracies are shares in 0...1.
public struct RunResult: Codable, Sendable, Equatable {
  public var experiment: String
  /// The data set's name in tables.
  public var title: String
  public var profile: String
  public var loss: ContrastiveLoss
  public var fingerprint: String
  public var seed: Int

  /// For example "ViT 4 x 128, patch 4".
  public var encoder: String
  /// Trained values of the encoder.
  public var parameters: Int
  public var epochs: Int
  public var trainingImages: Int
  public var validationImages: Int
  public var testImages: Int

  /// The epoch, from 1, whose network was evaluated: the one with the best validation accuracy.
  public var bestEpoch: Int
  public var validationAccuracy: Double
  /// The linear probe's accuracy on the fine test labels.
  public var fineAccuracy: Double
  /// The trained classifier's accuracy on the test labels it was trained for: the end model.
  public var coarseAccuracy: Double
  /// The same classifier's area under the ROC curve, the second class being the positive one; nil where there are not
  /// two classes, and in results of earlier versions.
  public var areaUnderROC: Double?
  /// Accuracy on the fine test labels by nearest training embeddings.
  public var neighbourAccuracy: Double
  public var neighbours: Int
  /// Of the test embeddings: how far each class, and each stratum (fine class), has drawn together.
  public var classCollapse: Collapse
  public var stratumCollapse: Collapse

  /// Reads a `result.json`.
  /// - Throws: `RunError` with the file when it cannot be read.
  public static func read(_ file: URL) throws -> RunResult {
    do {
      return try JSONDecoder().decode(RunResult.self, from: Data(contentsOf: file))
    } catch {
      throw RunError(
        "\(file.path) is damaged or another version's: \(Self.sentence(error)). Remove it and give the command that trained "
          + "the run again: only its evaluation is done anew")
    }
  }

  /// What a decoder found, in few words.
  private static func sentence(_ error: any Error) -> String {
    switch error {
    case DecodingError.keyNotFound(let key, _): "the key \"\(key.stringValue)\" is missing"
    case DecodingError.typeMismatch(_, let context), DecodingError.valueNotFound(_, let context):
      "the value of \"\(context.codingPath.map(\.stringValue).joined(separator: "."))\" has another type"
    case DecodingError.dataCorrupted(let context) where !context.codingPath.isEmpty:
      "the value of \"\(context.codingPath.map(\.stringValue).joined(separator: "."))\" is not known"
    case DecodingError.dataCorrupted: "it is not JSON"
    default: error.localizedDescription
    }
  }

  func write(to file: URL) throws { try AtomicFile.write(self, to: file) }
}
