/// LSE over A(i) of s, less s(i, own(i)). All points are positives here: it is computed without labels.
struct SelfSupervisedTerm: AnchorTerm {
  static let symbol = "L_SS"
  static let needsLabels = false

  init(_ objective: ContrastiveObjective) {}

  var needs: RowNeeds { [] }

  func value(_ row: RowStatistics) -> Double { row.positives - Double(min(row.own, row.clamp)) }

  func differentiatePositives(_ similarities: UnsafeMutableBufferPointer<Float>, _ row: RowStatistics) {
    similarities.becomeSoftmax(row.positives, clamp: row.clamp)
  }

  func differentiateNegatives(_ similarities: UnsafeMutableBufferPointer<Float>, _ row: RowStatistics) {
    similarities.update(repeating: 0)
  }

  func slopeOfOwn(_ row: RowStatistics) -> Float { row.own <= row.clamp ? 1 : 0 }
}
