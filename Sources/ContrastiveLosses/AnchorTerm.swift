import CKernels

/// A contrastive loss, as it is of one anchor. Each has a file of its own in `Losses` and an entry in `ContrastiveLoss`;
/// everything else, tiles and views and threads, is the same for all.
protocol AnchorTerm: Sendable {
  /// For tables and messages: "L_SC".
  static var symbol: String { get }
  /// Whether it is defined with labels only.
  static var needsLabels: Bool { get }
  /// Whether it has a weight alpha.
  static var usesAlpha: Bool { get }
  /// Whether a positive stands in a numerator, which `positiveClamp` bounds.
  static var usesPositiveClamp: Bool { get }

  init(_ objective: ContrastiveObjective)

  /// What must be gathered of a row.
  var needs: RowNeeds { get }

  func value(_ row: RowStatistics) -> Double

  /// Replaces the similarities of some positives by the term's gradient with respect to them.
  func differentiatePositives(_ similarities: UnsafeMutableBufferPointer<Float>, _ row: RowStatistics)

  /// The same for points of other classes.
  func differentiateNegatives(_ similarities: UnsafeMutableBufferPointer<Float>, _ row: RowStatistics)

  /// What is taken from the gradient with respect to the similarity to the anchor's own augmentation, beside what it has as
  /// one of the positives.
  func slopeOfOwn(_ row: RowStatistics) -> Float
}

extension AnchorTerm {
  static var needsLabels: Bool { true }
  static var usesAlpha: Bool { false }
  static var usesPositiveClamp: Bool { true }

  func slopeOfOwn(_ row: RowStatistics) -> Float { 0 }
}

extension UnsafeMutableBufferPointer<Float> {
  /// Each value x becomes `factor e^(x - logsum) + offset`; the offset is 0 where x is above the clamp.
  func becomeSoftmax(_ logsum: Double, factor: Float = 1, offset: Float = 0, clamp: Float) {
    guard let start = baseAddress else { return }
    ck_softmax_slope(count, start, Float(logsum), factor, offset, clamp)
  }
}
