/// A minimum of a smooth function by L-BFGS: steps along the gradient as curved by the last few steps, each short enough to
/// lead down.
/// - Source: Nocedal and Wright 2006, algorithms 7.4 and 7.5.
struct LimitedMemoryBFGS {
  typealias Evaluation = ([Double]) -> (value: Double, gradient: [Double])

  private(set) var point: [Double]
  private(set) var value: Double
  private(set) var iterations = 0
  private var gradient: [Double]
  /// Steps that are remembered, the last at the end: how the point moved, how the gradient did.
  private var steps: [(move: [Double], change: [Double], product: Double)] = []

  private static let memory = 10

  init(start: [Double], of evaluate: Evaluation) {
    point = start
    (value, gradient) = evaluate(start)
  }

  /// The largest element of the gradient: 0 at a minimum.
  var largestSlope: Double { gradient.reduce(0) { max($0, abs($1)) } }

  /// Takes a step.
  /// - Returns: false where none leads down, as the function is computed: rounding hides what is left.
  mutating func step(_ evaluate: Evaluation) -> Bool {
    var direction = curved(gradient).map { -$0 }
    var slope = dot(direction, gradient)
    if slope >= 0 {
      steps.removeAll()
      direction = gradient.map { -$0 }
      slope = -dot(gradient, gradient)
    }
    // The first step knows nothing of the curvature, and begins at unit length.
    var length = steps.isEmpty ? min(1, 1 / max(1e-300, (-slope).squareRoot())) : 1
    for _ in 0..<30 {
      let next = zip(point, direction).map { $0 + length * $1 }
      let (nextValue, nextGradient) = evaluate(next)
      let leadsDown = nextValue <= value + 1e-4 * length * slope
      // Where values differ by rounding alone, the gradient says whether the point is nearer.
      let isLevel =
        abs(nextValue - value) <= 1e-6 * abs(value) && abs(dot(nextGradient, direction)) <= -0.9 * slope
      if nextValue.isFinite, leadsDown || isLevel {
        remember(move: direction.map { length * $0 }, change: zip(nextGradient, gradient).map { $0 - $1 })
        (point, value, gradient) = (next, nextValue, nextGradient)
        iterations += 1
        return true
      }
      length /= 2
    }
    return false
  }

  private mutating func remember(move: [Double], change: [Double]) {
    let product = dot(move, change)
    guard product > 1e-10 * dot(change, change) else { return }
    steps.append((move, change, product))
    if steps.count > Self.memory { steps.removeFirst() }
  }

  /// The gradient times the inverse curvature that the last steps tell of.
  private func curved(_ gradient: [Double]) -> [Double] {
    var result = gradient
    var shares: [Double] = []
    for step in steps.reversed() {
      let share = dot(step.move, result) / step.product
      shares.append(share)
      for i in result.indices { result[i] -= share * step.change[i] }
    }
    if let last = steps.last {
      let scale = last.product / dot(last.change, last.change)
      for i in result.indices { result[i] *= scale }
    }
    for (step, share) in zip(steps, shares.reversed()) {
      let rest = share - dot(step.change, result) / step.product
      for i in result.indices { result[i] += rest * step.move[i] }
    }
    return result
  }

  private func dot(_ a: [Double], _ b: [Double]) -> Double {
    var sum = 0.0
    for i in a.indices { sum += a[i] * b[i] }
    return sum
  }
}
