/// LSE over P(i) of s, less s(i, own(i)): the other end of L_spread.
struct RepelTerm: AnchorTerm {
  static let symbol = "L_repel"
  static let usesPositiveClamp = false

  private let spread = SpreadTerm(attractWeight: 0, repelWeight: 1)

  init(_ objective: ContrastiveObjective) {}

  var needs: RowNeeds { spread.needs }

  func value(_ row: RowStatistics) -> Double { spread.value(row) }

  func differentiatePositives(_ similarities: UnsafeMutableBufferPointer<Float>, _ row: RowStatistics) {
    guard row.positiveCount > 1 else { return spread.differentiatePositives(similarities, row) }
    similarities.becomeSoftmax(row.positives, clamp: row.clamp)
  }

  func differentiateNegatives(_ similarities: UnsafeMutableBufferPointer<Float>, _ row: RowStatistics) {
    spread.differentiateNegatives(similarities, row)
  }

  func slopeOfOwn(_ row: RowStatistics) -> Float { spread.slopeOfOwn(row) }
}
