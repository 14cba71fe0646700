import Basics
import ContrastiveLosses
import Tensors
import Testing

@Suite("Edges of the contrastive losses")
struct ContrastiveEdgeTests {
  static let layouts: [ContrastiveLayout] = [.crossView, .pooled]

  @Test("without negatives L_attract is 0 with a zero gradient", arguments: layouts)
  func noNegatives(_ layout: ContrastiveLayout) throws {
    let (view1, view2, _) = randomBatch(6, 4, classes: 1, seed: 1)
    let result = try evaluate(
      ContrastiveObjective(.attract, layout: layout), view1, view2, [Int](repeating: 4, count: 6))
    #expect(result.value == 0)
    #expect(result.gradient1.scalars().allSatisfy { $0 == 0 })
    #expect(result.gradient2.scalars().allSatisfy { $0 == 0 })
  }

  @Test("with the augmentation as only positive L_repel is 0 with a zero gradient", arguments: layouts)
  func onlyOwn(_ layout: ContrastiveLayout) throws {
    let (view1, view2, _) = randomBatch(6, 4, classes: 1, seed: 2)
    let result = try evaluate(ContrastiveObjective(.repel, layout: layout), view1, view2, Array(0..<6))
    #expect(result.value == 0)
    #expect(result.gradient1.scalars().allSatisfy { $0 == 0 })
  }

  @Test("a temperature of 0.01 neither overflows nor loses the gradient", arguments: ContrastiveLoss.allCases)
  func cold(_ loss: ContrastiveLoss) throws {
    let (view1, view2, labels) = randomBatch(40, 5, classes: 3, seed: 3)
    let result = try evaluate(ContrastiveObjective(loss, temperature: 0.01), view1, view2, labels)
    #expect(result.value.isFinite)
    #expect(result.gradient1.isFinite)
    #expect(result.gradient1.scalars().contains { $0 != 0 })
  }

  @Test("L_SS does not look at labels, and needs none")
  func labelsOfSelfSupervised() throws {
    let (view1, view2, labels) = randomBatch(12, 5, classes: 3, seed: 4)
    let objective = ContrastiveObjective(.selfSupervised)
    let (with, without) = (
      try evaluate(objective, view1, view2, labels), try evaluate(objective, view1, view2, nil)
    )
    #expect(with.value == without.value)
    #expect(with.gradient1.scalars() == without.gradient1.scalars())
  }

  @Test("one view alone may require a gradient")
  func oneView() throws {
    let (view1, view2, labels) = randomBatch(8, 4, classes: 2, seed: 5)
    view2.requiresGradient = false
    try ContrastiveObjective(.spread)(view1, view2, labels: labels).backward()
    #expect(view1.gradient != nil)
    #expect(view2.gradient == nil)
    let value = try withoutGradient { try ContrastiveObjective(.spread)(view1, view2, labels: labels) }
    #expect(!value.requiresGradient)
  }

  @Test("what cannot be computed is refused, and says why")
  func errors() throws {
    let (view1, view2, labels) = randomBatch(4, 3, classes: 2, seed: 6)
    func message(
      _ objective: ContrastiveObjective, _ a: Tensor? = nil, _ b: Tensor? = nil, _ y: [Int]? = nil,
      unlabelled: Bool = false
    ) -> String {
      do {
        _ = try objective(a ?? view1, b ?? view2, labels: unlabelled ? nil : y ?? labels)
        return "no error"
      } catch { return "\(error)" }
    }
    let nan = view1.copy()
    nan.withUnsafeMutableData { $0[7] = .nan }
    let single = view1.sliced(0..<1)
    #expect(
      message(ContrastiveObjective(.spread, temperature: 0)).contains("temperature must be above 0, and is 0")
    )
    #expect(message(ContrastiveObjective(.spread, temperature: -.infinity)).contains("temperature"))
    #expect(message(ContrastiveObjective(.spread, temperature: .nan)).contains("temperature"))
    for beyond in [1e-50, 1e-39, 1e300] {
      #expect(message(ContrastiveObjective(.spread, temperature: beyond)).contains("beyond what float32"))
    }
    #expect(
      message(ContrastiveObjective(.spread, alpha: 1.1)).contains("alpha must be in [0, 1], and is 1.1"))
    #expect(message(ContrastiveObjective(.spread, alpha: .nan)).contains("alpha"))
    #expect(message(ContrastiveObjective(.spread, layout: .pooled, symmetric: true)).contains("symmetric"))
    #expect(message(ContrastiveObjective(.spread, tileRows: 0)).contains("tileRows"))
    #expect(message(ContrastiveObjective(.supcon), unlabelled: true).contains("needs labels"))
    #expect(message(ContrastiveObjective(.supcon), nil, nil, [0, 1]).contains("2 labels for a batch of 4"))
    #expect(message(ContrastiveObjective(.supcon), single, single, [0]).contains("at least 2 points"))
    #expect(message(ContrastiveObjective(.supcon), nan).contains("first view has a value in row 2"))
    #expect(message(ContrastiveObjective(.supcon), nil, nan).contains("second view"))
    #expect(
      message(ContrastiveObjective(.supcon), view1, view2.sliced(axis: 1, 0..<2)).contains(
        "[4, 3] and [4, 2]"))
  }
}
