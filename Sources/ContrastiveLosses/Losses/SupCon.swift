/// The mean over p in P(i) of LSE over A(i) of s, less s(i, p).
struct SupConTerm: AnchorTerm {
  static let symbol = "L_SC"

  init(_ objective: ContrastiveObjective) {}

  var needs: RowNeeds { [.negatives, .clampedPositives] }

  func value(_ row: RowStatistics) -> Double { row.all - row.clampedPositives / Double(row.positiveCount) }

  func differentiatePositives(_ similarities: UnsafeMutableBufferPointer<Float>, _ row: RowStatistics) {
    similarities.becomeSoftmax(row.all, offset: -1 / Float(row.positiveCount), clamp: row.clamp)
  }

  func differentiateNegatives(_ similarities: UnsafeMutableBufferPointer<Float>, _ row: RowStatistics) {
    similarities.becomeSoftmax(row.all, clamp: row.clamp)
  }
}
