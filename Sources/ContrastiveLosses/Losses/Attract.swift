/// The mean over p in P(i) of log(e^s(i, p) + sum over N(i) of e^s), less s(i, p): one end of L_spread.
struct AttractTerm: AnchorTerm {
  static let symbol = "L_attract"

  private let spread = SpreadTerm(attractWeight: 1, repelWeight: 0)

  init(_ objective: ContrastiveObjective) {}

  var needs: RowNeeds { spread.needs }

  func value(_ row: RowStatistics) -> Double { spread.value(row) }

  func differentiatePositives(_ similarities: UnsafeMutableBufferPointer<Float>, _ row: RowStatistics) {
    spread.differentiatePositives(similarities, row)
  }

  func differentiateNegatives(_ similarities: UnsafeMutableBufferPointer<Float>, _ row: RowStatistics) {
    spread.differentiateNegatives(similarities, row)
  }
}
