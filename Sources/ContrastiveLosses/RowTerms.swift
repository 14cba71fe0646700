import CKernels
import Foundation

/// One anchor's term of a loss: what is gathered from its similarities, its value, and the gradient with
/// respect to each similarity.
///
/// Everything is kept as log-sum-exps shifted by their maxima, so that a temperature of 0.01 neither
/// overflows nor loses digits.
struct RowTerms {
  let row: ContrastRow
  private let loss: ContrastiveLoss
  /// Weights of the two parts of L_spread; of which L_attract and L_repel are the ends.
  private let attractWeight: Float
  private let repelWeight: Float
  private let clamp: Float

  private var positiveMaximum = -Float.infinity
  private var positiveSum: Float = 0
  private var negativeMaximum = -Float.infinity
  private var negativeSum: Float = 0
  private var own: Float = 0
  private var clampedPositives = 0.0

  /// LSE over P(i), N(i), A(i).
  private var positives = -Double.infinity
  private var negatives = -Double.infinity
  private var all = -Double.infinity
  /// Sum over P(i) of L_attract's term, and of `1 - q`.
  private var attractValue = 0.0
  private var attractSlope = 0.0

  init(_ row: ContrastRow, _ objective: ContrastiveObjective) {
    self.row = row
    loss = objective.loss
    switch objective.loss {
    case .attract: (attractWeight, repelWeight) = (1, 0)
    case .repel: (attractWeight, repelWeight) = (0, 1)
    case .spread: (attractWeight, repelWeight) = (objective.alpha, 1 - objective.alpha)
    case .selfSupervised, .supcon: (attractWeight, repelWeight) = (0, 0)
    }
    clamp = objective.positiveClamp ?? .infinity
  }

  private var usesNegatives: Bool { loss == .supcon || attractWeight > 0 }

  /// L_attract needs LSE over N(i) before it can look at a positive.
  var needsPositivesAgain: Bool { attractWeight > 0 }

  /// First look at some columns; `x` points at the first of them.
  mutating func gather(_ columns: Range<Int>, _ x: UnsafePointer<Float>) {
    let first = columns.lowerBound
    var (positiveMaximum, positiveSum) = (self.positiveMaximum, self.positiveSum)
    var (negativeMaximum, negativeSum) = (self.negativeMaximum, self.negativeSum)
    var clamped = 0.0
    row.forEachRun(
      in: columns,
      positives: { run in
        ck_logsum_append(run.count, x + run.lowerBound - first, &positiveMaximum, &positiveSum)
        if loss == .supcon { clamped += Double(ck_clamped_sum(run.count, x + run.lowerBound - first, clamp)) }
      },
      negatives: { run in
        guard usesNegatives else { return }
        ck_logsum_append(run.count, x + run.lowerBound - first, &negativeMaximum, &negativeSum)
      })
    (self.positiveMaximum, self.positiveSum) = (positiveMaximum, positiveSum)
    (self.negativeMaximum, self.negativeSum) = (negativeMaximum, negativeSum)
    clampedPositives += clamped
    if columns.contains(row.own) { own = x[row.own - first] }
  }

  mutating func finishStatistics() {
    positives = Double(positiveMaximum) + log(Double(positiveSum))
    negatives = negativeSum > 0 ? Double(negativeMaximum) + log(Double(negativeSum)) : -.infinity
    let high = max(positives, negatives)
    all = high + log1p(exp(min(positives, negatives) - high))
  }

  /// Second look, at the positives only.
  mutating func gatherPositives(_ columns: Range<Int>, _ x: UnsafePointer<Float>) {
    row.forEachRun(
      in: columns,
      positives: { run in
        var (value, slope): (Float, Float) = (0, 0)
        ck_attract_terms(
          run.count, x + run.lowerBound - columns.lowerBound, Float(negatives), clamp, &value, &slope)
        attractValue += Double(value)
        attractSlope += Double(slope)
      }, negatives: { _ in })
  }

  var value: Double {
    let count = Double(row.positiveCount)
    switch loss {
    case .selfSupervised: return positives - Double(min(own, clamp))
    case .supcon: return all - clampedPositives / count
    case .attract, .repel, .spread:
      // A single positive is its own LSE: exactly 0, as the definition says.
      let repel = row.positiveCount == 1 ? 0 : positives - Double(own)
      return Double(attractWeight) * attractValue / count + Double(repelWeight) * repel
    }
  }

  /// Replaces similarities by the gradient with respect to them.
  func differentiate(_ columns: Range<Int>, _ x: UnsafeMutablePointer<Float>) {
    let share = 1 / Float(row.positiveCount)
    let first = columns.lowerBound
    row.forEachRun(
      in: columns,
      positives: { run in
        let s = x + run.lowerBound - first
        switch loss {
        case .selfSupervised: ck_softmax_slope(run.count, s, Float(positives), 1, 0, clamp)
        case .supcon: ck_softmax_slope(run.count, s, Float(all), 1, -share, clamp)
        case .repel where row.positiveCount > 1: ck_softmax_slope(run.count, s, Float(positives), 1, 0, clamp)
        case .attract, .repel, .spread:
          let repel = row.positiveCount > 1 ? repelWeight : 0
          ck_spread_slope(
            run.count, s, Float(negatives), attractWeight * share, Float(positives), repel, clamp)
        }
      },
      negatives: { run in
        let s = x + run.lowerBound - first
        if loss == .supcon {
          ck_softmax_slope(run.count, s, Float(all), 1, 0, clamp)
        } else if attractWeight > 0 {
          ck_softmax_slope(
            run.count, s, Float(negatives), attractWeight * share * Float(attractSlope), 0, clamp)
        } else {
          s.update(repeating: 0, count: run.count)
        }
      })
    if let excluded = row.excluded, columns.contains(excluded) { x[excluded - first] = 0 }
    if columns.contains(row.own) {
      switch loss {
      case .selfSupervised: if own <= clamp { x[row.own - first] -= 1 }
      case .repel, .spread: if row.positiveCount > 1 { x[row.own - first] -= repelWeight }
      case .supcon, .attract: break
      }
    }
  }
}
