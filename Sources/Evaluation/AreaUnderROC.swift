import Basics

/// The area under the curve of true against false positives: the probability that a positive point has a higher score
/// than a negative one, where equal scores count one half.
///
/// - Parameters:
///   - scores: higher for what looks more like a positive; numbers, of any scale.
///   - positives: one a score.
/// - Returns: in 0...1, 1/2 for scores that tell nothing; nil when there is no positive or no negative point.
/// - Complexity: O(N log N).
/// - Source: Hanley and McNeil 1982 (the Wilcoxon statistic).
public func areaUnderROC(_ scores: [Float], positives: [Bool]) -> Double? {
  require(
    scores.count == positives.count && !scores.contains { $0.isNaN },
    "\(scores.count) scores for \(positives.count) points, or one that is no number")
  let count = positives.filter { $0 }.count
  guard count > 0, count < positives.count else { return nil }
  let order = scores.indices.sorted { scores[$0] < scores[$1] }
  // Twice the pairs that a positive wins, so that ties stay whole numbers.
  var (wins, below, start) = (0, 0, 0)
  while start < order.count {
    let end = order[start...].firstIndex { scores[$0] != scores[order[start]] } ?? order.count
    let tied = order[start..<end].filter { positives[$0] }.count
    wins += tied * (2 * below + (end - start - tied))
    below += end - start - tied
    start = end
  }
  return Double(wins) / Double(2 * count * (positives.count - count))
}
