import CKernels
import Foundation

/// What a loss needs to know of an anchor's similarities, beside the log-sum-exp over its positives.
struct RowNeeds: OptionSet {
  let rawValue: Int
  /// The log-sum-exp over the points of other classes.
  static let negatives = RowNeeds(rawValue: 1)
  /// The sum of the positives, each no more than the clamp.
  static let clampedPositives = RowNeeds(rawValue: 2)
  /// L_attract's terms, which need the negatives before a positive can be looked at: a second pass.
  static let attractTerms = RowNeeds(rawValue: 4)
}

/// One anchor's row of similarities: what is gathered from it for the value and the gradient of a loss.
///
/// Everything is kept as log-sum-exps shifted by their maxima, so that a temperature of 0.01 neither
/// overflows nor loses digits.
struct RowStatistics {
  let row: ContrastRow
  private let needs: RowNeeds
  /// Bound on a positive's similarity in a numerator; infinite where there is none.
  let clamp: Float

  private var positiveMaximum = -Float.infinity
  private var positiveSum: Float = 0
  private var negativeMaximum = -Float.infinity
  private var negativeSum: Float = 0

  /// The similarity to the anchor's own augmentation.
  private(set) var own: Float = 0
  /// The sum over P(i), with `clampedPositives`.
  private(set) var clampedPositives = 0.0
  /// LSE over P(i), N(i), A(i); the last two with `negatives`.
  private(set) var positives = -Double.infinity
  private(set) var negatives = -Double.infinity
  private(set) var all = -Double.infinity
  /// Sum over P(i) of L_attract's term, and of `1 - q`, with `attractTerms`.
  private(set) var attractValue = 0.0
  private(set) var attractSlope = 0.0

  init(_ row: ContrastRow, needs: RowNeeds, clamp: Float) {
    (self.row, self.needs, self.clamp) = (row, needs, clamp)
  }

  var positiveCount: Int { row.positiveCount }

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
        if needs.contains(.clampedPositives) {
          clamped += Double(ck_clamped_sum(run.count, x + run.lowerBound - first, clamp))
        }
      },
      negatives: { run in
        guard needs.contains(.negatives) else { return }
        ck_logsum_append(run.count, x + run.lowerBound - first, &negativeMaximum, &negativeSum)
      })
    (self.positiveMaximum, self.positiveSum) = (positiveMaximum, positiveSum)
    (self.negativeMaximum, self.negativeSum) = (negativeMaximum, negativeSum)
    clampedPositives += clamped
    if columns.contains(row.own) { own = x[row.own - first] }
  }

  mutating func finish() {
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

  /// Replaces similarities by the gradient of a term with respect to them.
  func differentiate(_ term: some AnchorTerm, _ columns: Range<Int>, _ x: UnsafeMutablePointer<Float>) {
    let first = columns.lowerBound
    row.forEachRun(
      in: columns,
      positives: { run in
        term.differentiatePositives(
          UnsafeMutableBufferPointer(start: x + run.lowerBound - first, count: run.count), self)
      },
      negatives: { run in
        term.differentiateNegatives(
          UnsafeMutableBufferPointer(start: x + run.lowerBound - first, count: run.count), self)
      })
    if let excluded = row.excluded, columns.contains(excluded) { x[excluded - first] = 0 }
    if columns.contains(row.own) {
      let slope = term.slopeOfOwn(self)
      if slope != 0 { x[row.own - first] -= slope }
    }
  }
}
