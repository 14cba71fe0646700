import CKernels

/// alpha L_attract + (1 - alpha) L_repel.
struct SpreadTerm: AnchorTerm {
  static let symbol = "L_spread"
  static let usesAlpha = true

  private let attractWeight: Float
  private let repelWeight: Float

  init(_ objective: ContrastiveObjective) {
    self.init(attractWeight: Float(objective.alpha), repelWeight: 1 - Float(objective.alpha))
  }

  init(attractWeight: Float, repelWeight: Float) {
    (self.attractWeight, self.repelWeight) = (attractWeight, repelWeight)
  }

  var needs: RowNeeds { attractWeight > 0 ? [.negatives, .attractTerms] : [] }

  func value(_ row: RowStatistics) -> Double {
    // A single positive is its own LSE: exactly 0, as the definition says.
    let repel = row.positiveCount == 1 ? 0 : row.positives - Double(row.own)
    return Double(attractWeight) * row.attractValue / Double(row.positiveCount) + Double(repelWeight) * repel
  }

  func differentiatePositives(_ similarities: UnsafeMutableBufferPointer<Float>, _ row: RowStatistics) {
    guard let start = similarities.baseAddress else { return }
    let repel = row.positiveCount > 1 ? repelWeight : 0
    let share = 1 / Float(row.positiveCount)
    ck_spread_slope(
      similarities.count, start, Float(row.negatives), attractWeight * share, Float(row.positives), repel,
      row.clamp)
  }

  func differentiateNegatives(_ similarities: UnsafeMutableBufferPointer<Float>, _ row: RowStatistics) {
    guard attractWeight > 0 else { return similarities.update(repeating: 0) }
    let share = 1 / Float(row.positiveCount)
    similarities.becomeSoftmax(
      row.negatives, factor: attractWeight * share * Float(row.attractSlope), clamp: row.clamp)
  }

  func slopeOfOwn(_ row: RowStatistics) -> Float { row.positiveCount > 1 ? repelWeight : 0 }
}
