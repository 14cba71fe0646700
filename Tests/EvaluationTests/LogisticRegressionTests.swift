import Evaluation
import Foundation
import Tensors
import TestSupport
import Testing

@Suite("Logistic regression that has converged")
struct LogisticRegressionTests {
  private struct Fixture {
    let features: Tensor
    let labels: [Int]
    let c: Double
    let weight: Tensor
    let bias: Tensor
    let probabilities: Tensor

    init(_ name: String) throws {
      let arrays = try Npz.read(fixture("evaluation/logistic-\(name).npz"))
      func tensor(_ key: String) throws -> Tensor { try #require(arrays[key]).tensor() }
      (features, weight, bias) = (try tensor("features"), try tensor("weight"), try tensor("bias"))
      probabilities = try tensor("probabilities")
      labels = try #require(arrays["labels"]).integers()
      c = Double(try tensor("c").scalars()[0] == 0.1 ? 0.1 : 1)
    }

    var classes: Int { probabilities.shape[1] }
  }

  /// scikit-learn's weights, on standardised features.
  @Test(arguments: ["two", "three", "seven", "separable"]) func agreesWithScikitLearn(_ name: String) throws {
    let expected = try Fixture(name)
    let model = LogisticRegression(
      embeddings: expected.features, labels: expected.labels, classes: expected.classes,
      inverseRegularisation: expected.c, tolerance: 1e-6)
    #expect(model.hasConverged && model.iterations < 200, "\(model.iterations) steps")
    let rows = expected.weight.shape[0]
    let own = model.weight.sliced((expected.classes - rows)..<expected.classes)
    expectClose(own, expected.weight, tolerance: 1e-3, "weight")
    expectClose(
      model.bias.sliced((expected.classes - rows)..<expected.classes), expected.bias, tolerance: 1e-3, "bias")
    expectClose(model.logits(expected.features).softmax(), expected.probabilities, tolerance: 1e-3)
    let best = expected.probabilities.argmax()
    #expect(zip(model.predict(expected.features), best).count { $0 != $1 } <= 1)
  }

  @Test func orderAndScaleOfTheRowsDoNotMatter() throws {
    let expected = try Fixture("three")
    let order = (0..<expected.labels.count).reversed().map { $0 }
    let model = LogisticRegression(
      embeddings: expected.features.gathered(order) * 1e-12, labels: order.map { expected.labels[$0] },
      classes: 3)
    expectClose(model.weight, expected.weight, tolerance: 2e-3)
  }

  /// A class without points, features that say nothing, and one point a class.
  @Test func edges() {
    let x = Tensor([0, 1, 1, 1, 2, 1, 3, 1], shape: [4, 2])
    let model = LogisticRegression(embeddings: x, labels: [0, 0, 2, 2], classes: 4)
    #expect(model.hasConverged && model.predict(x) == [0, 0, 2, 2])
    #expect(model.weight.isFinite)
    let constant = LogisticRegression(
      embeddings: Tensor.ones([6, 3]), labels: [0, 1, 1, 1, 1, 0], classes: 2)
    #expect(
      constant.hasConverged && constant.accuracy(Tensor.ones([6, 3]), labels: [0, 1, 1, 1, 1, 0]) == 4.0 / 6)
    let single = LogisticRegression(embeddings: Tensor([-1, 1], shape: [2, 1]), labels: [1, 0], classes: 2)
    #expect(single.predict(Tensor([-3, 3], shape: [2, 1])) == [1, 0])
  }
}
