import Basics

/// A figure of an epoch. `all` is the one list: the keys of `metrics.jsonl` in their order, and the groups in which
/// TensorBoard shows them.
package struct EpochFigure: Sendable, Hashable {
  /// The first part of TensorBoard's tags.
  package enum Group: String, Sendable { case training, validation, embeddings, time }

  /// In `metrics.jsonl`, and the second part of TensorBoard's tags.
  package let key: String
  package let group: Group

  private init(_ key: String, _ group: Group) { (self.key, self.group) = (key, group) }

  /// The mean of what is minimised.
  package static let loss = EpochFigure("loss", .training)
  package static let contrastive = EpochFigure("contrastive", .training)
  package static let crossEntropy = EpochFigure("crossEntropy", .training)
  package static let validationAccuracy = EpochFigure("validationAccuracy", .validation)
  package static let gradientNorm = EpochFigure("gradientNorm", .training)
  package static let maximumGradientNorm = EpochFigure("maximumGradientNorm", .training)
  /// The learning rate of the last step.
  package static let rate = EpochFigure("rate", .training)
  package static let batchesWithoutPairs = EpochFigure("batchesWithoutPairs", .training)
  package static let embeddingCosine = EpochFigure("embeddingCosine", .embeddings)
  package static let embeddingDeviation = EpochFigure("embeddingDeviation", .embeddings)
  package static let constantDimensions = EpochFigure("constantDimensions", .embeddings)
  package static let neighbourFineAccuracy = EpochFigure("neighbourFineAccuracy", .validation)
  package static let neighbourCoarseAccuracy = EpochFigure("neighbourCoarseAccuracy", .validation)
  package static let seconds = EpochFigure("seconds", .time)
  package static let imagesPerSecond = EpochFigure("imagesPerSecond", .time)
  /// Of the epoch's time, how much the steps waited for their images.
  package static let waitingShare = EpochFigure("waitingShare", .time)

  package static let all = [
    loss, contrastive, crossEntropy, validationAccuracy, gradientNorm, maximumGradientNorm, rate,
    batchesWithoutPairs, embeddingCosine, embeddingDeviation, constantDimensions, neighbourFineAccuracy,
    neighbourCoarseAccuracy, seconds, imagesPerSecond, waitingShare,
  ]
}

/// What an epoch came to: a line of `metrics.jsonl`.
package struct EpochMetrics: Sendable, Equatable {
  /// Epochs done, this one included.
  package var epoch: Int
  /// Steps of the run that were done by its end.
  package var step: Int
  package var figures: [EpochFigure: Double]

  package init(epoch: Int, step: Int, figures: [EpochFigure: Double] = [:]) {
    (self.epoch, self.step, self.figures) = (epoch, step, figures)
  }

  /// A figure; nil where the epoch does not have it.
  package subscript(figure: EpochFigure) -> Double? { figures[figure] }

  /// The figures in the order of the list.
  package var ordered: [(figure: EpochFigure, value: Double)] {
    EpochFigure.all.compactMap { figure in figures[figure].map { (figure, $0) } }
  }
}

extension EpochMetrics {
  /// What a clock measured: it differs from run to run, and a line's checksum does not cover it.
  private static let times = Set(EpochFigure.all.filter { $0.group == .time }.map(\.key))

  /// With a checksum.
  var json: JSONNode {
    let members = [("epoch", JSONNode.integer(epoch)), ("step", JSONNode.integer(step))]
    return ChecksummedJSON.sealed(
      .object(members + ordered.map { ($0.figure.key, JSONNode.number($0.value)) }), excluding: Self.times)
  }

  /// Reads what `json` gave, in this version or another.
  /// - Throws: a sentence, as `Problem`, when it is something else, or damaged.
  init(_ node: JSONNode) throws {
    guard !ChecksummedJSON.isDamaged(node, excluding: Self.times) else {
      throw Problem(sentence: "its content does not match its checksum")
    }
    guard let epoch = node["epoch"]?.int, (1...100_000).contains(epoch) else {
      throw Problem(sentence: "not an object with the number of its epoch")
    }
    self.init(epoch: epoch, step: node["step"]?.int ?? 0)
    for figure in EpochFigure.all { figures[figure] = node[figure.key]?.double }
  }

  struct Problem: Error { let sentence: String }
}
