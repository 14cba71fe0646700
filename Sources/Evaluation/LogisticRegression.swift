import Basics
import Tensors

/// Logistic regression on frozen embeddings, trained until it has converged: how much of a task they hold in a form that
/// planes can separate, without a rate, a batch or an order that the answer would depend on.
///
/// It minimises the summed cross entropy plus `|W|^2 / (2 C)`, the bias without a penalty, over features that were scaled to
/// mean 0 and deviation 1, by L-BFGS. Two classes have one plane between them, more have one each: the optimum is that of
/// scikit-learn's `LogisticRegression(C=C)` on standardised features.
/// - Source: Liu and Nocedal 1989.
public struct LogisticRegression: Sendable {
  /// `[classes, d]`, on the scaled features; with two classes the first row is 0.
  public let weight: Tensor
  /// `[classes]`; with two classes the first is 0.
  public let bias: Tensor
  /// Steps that were taken.
  public let iterations: Int
  /// Whether the largest element of the mean loss's gradient fell to the tolerance.
  public let hasConverged: Bool
  private let scaling: FeatureScaling

  /// Trains until it has converged.
  ///
  /// - Parameters:
  ///   - embeddings: `[N, d]`
  ///   - labels: N classes in `0..<classes`; a class may have no points
  ///   - inverseRegularisation: C; the larger, the weaker the penalty
  ///   - tolerance: of the largest element of the gradient of the mean loss
  ///   - iterations: the most steps that are taken
  /// - Complexity: 4 N d classes operations a step; memory for N x classes values, and 20 times the weights.
  public init(
    embeddings: Tensor, labels: [Int], classes: Int, inverseRegularisation: Double = 1,
    tolerance: Double = 1e-5, iterations limit: Int = 1000
  ) {
    require(
      embeddings.rank == 2 && embeddings.shape[0] == labels.count && !labels.isEmpty,
      "a regression needs one label a row: \(labels.count) labels, embeddings of shape \(embeddings.shape)")
    require(
      classes >= 2 && labels.allSatisfy { (0..<classes).contains($0) },
      "a regression needs two classes or more, and labels below \(classes)")
    require(inverseRegularisation > 0, "C must be above 0, and is \(inverseRegularisation)")
    scaling = FeatureScaling(embeddings)
    let loss = RegressionLoss(
      features: scaling.apply(embeddings), labels: labels, classes: classes,
      penalty: 1 / (inverseRegularisation * Double(labels.count)))
    var search = LimitedMemoryBFGS(start: [Double](repeating: 0, count: loss.count), of: loss.evaluate)
    while search.iterations < limit, search.largestSlope > tolerance, search.step(loss.evaluate) {}
    (iterations, hasConverged) = (search.iterations, search.largestSlope <= tolerance)
    (weight, bias) = loss.tensors(search.point)
  }

  /// `[N, d]` to `[N, classes]`
  public func logits(_ embeddings: Tensor) -> Tensor {
    withoutGradient { Tensor.linear(scaling.apply(embeddings), weight: weight, bias: bias) }
  }

  /// The most probable class of each row.
  public func predict(_ embeddings: Tensor) -> [Int] { logits(embeddings).argmax() }

  /// The share of rows whose class is predicted.
  public func accuracy(_ embeddings: Tensor, labels: [Int]) -> Double {
    Evaluation.accuracy(predict(embeddings), labels: labels)
  }
}

/// The mean cross entropy with the penalty, as a function of the weights and then the biases of the planes.
private struct RegressionLoss {
  private let features: Tensor
  private let labels: [Int]
  private let classes: Int
  /// Of half the weights' squares, beside the mean cross entropy.
  private let penalty: Double
  /// Classes that have a plane.
  private let planes: Range<Int>

  init(features: Tensor, labels: [Int], classes: Int, penalty: Double) {
    (self.features, self.labels, self.classes, self.penalty) = (features, labels, classes, penalty)
    planes = (classes == 2 ? 1 : 0)..<classes
  }

  private var dimension: Int { features.shape[1] }
  private var weightCount: Int { planes.count * dimension }
  /// Numbers that are looked for.
  var count: Int { weightCount + planes.count }

  /// Weights and biases of all classes.
  func tensors(_ point: [Double]) -> (weight: Tensor, bias: Tensor) {
    let without = classes - planes.count
    let weight = [Float](repeating: 0, count: without * dimension) + point[..<weightCount].map { Float($0) }
    let bias = [Float](repeating: 0, count: without) + point[weightCount...].map { Float($0) }
    return (Tensor(weight, shape: [classes, dimension]), Tensor(bias))
  }

  func evaluate(_ point: [Double]) -> (value: Double, gradient: [Double]) {
    withoutGradient {
      let (weight, bias) = tensors(point)
      let logProbabilities = Tensor.linear(features, weight: weight, bias: bias).logSoftmax()
      var value = 0.0
      logProbabilities.withUnsafeData { values in
        for (row, label) in labels.enumerated() { value -= Double(values[row * classes + label]) }
      }
      let slopes = logProbabilities.exp()
      slopes.withUnsafeMutableData { values in
        for (row, label) in labels.enumerated() { values[row * classes + label] -= 1 }
      }
      let ofWeight = Tensor.matmul(slopes, features, transposeA: true).scalars()
      let ofBias = slopes.sum(axis: 0).scalars()
      let share = 1 / Double(labels.count)
      let weights = point[..<weightCount]
      let gradient =
        zip(ofWeight[(planes.lowerBound * dimension)...], weights).map {
          Double($0) * share + penalty * $1
        } + ofBias[planes].map { Double($0) * share }
      return (value * share + penalty / 2 * weights.reduce(0) { $0 + $1 * $1 }, gradient)
    }
  }
}
