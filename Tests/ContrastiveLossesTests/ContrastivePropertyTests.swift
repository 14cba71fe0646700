import Basics
import ContrastiveLosses
import Tensors
import TestSupport
import Testing

@Suite("Properties of the contrastive losses")
struct ContrastivePropertyTests {
  static let layouts: [ContrastiveLayout] = [.crossView, .pooled]

  @Test("tiles do not change the result", arguments: ContrastiveLoss.allCases, layouts)
  func tiles(_ loss: ContrastiveLoss, _ layout: ContrastiveLayout) throws {
    let (view1, view2, labels) = randomBatch(333, 24, classes: 5, seed: 3)
    let whole = try evaluate(
      ContrastiveObjective(loss, temperature: 0.1, layout: layout, tileRows: 1000), view1, view2, labels)
    for tile in [nil, 1, 7, 64, 100] {
      let objective = ContrastiveObjective(loss, temperature: 0.1, layout: layout, tileRows: tile)
      let result = try evaluate(objective, view1, view2, labels)
      #expect(abs(result.value - whole.value) <= 1e-5 * abs(whole.value))
      #expect(relativeError(result.gradient1, whole.gradient1) <= 1e-5)
      #expect(relativeError(result.gradient2, whole.gradient2) <= 1e-5)
    }
  }

  @Test("similarities that are computed again, beyond the strip, give the same")
  func recomputation() throws {
    // More columns than a strip holds at this tile size, so that tiles are recomputed.
    let (view1, view2, labels) = randomBatch(2100, 8, classes: 3, seed: 4)
    let strip = try evaluate(
      ContrastiveObjective(.spread, layout: .pooled, tileRows: 64), view1, view2, labels)
    let recomputed = try evaluate(
      ContrastiveObjective(.spread, layout: .pooled, tileRows: 600), view1, view2, labels)
    #expect(abs(strip.value - recomputed.value) <= 1e-5 * abs(strip.value))
    #expect(relativeError(strip.gradient1, recomputed.gradient1) <= 1e-5)
    #expect(relativeError(strip.gradient2, recomputed.gradient2) <= 1e-5)
  }

  @Test("a permutation of the batch permutes the gradients", arguments: ContrastiveLoss.allCases, layouts)
  func permutation(_ loss: ContrastiveLoss, _ layout: ContrastiveLayout) throws {
    let (view1, view2, labels) = randomBatch(37, 6, classes: 4, seed: 5)
    let objective = ContrastiveObjective(loss, temperature: 0.2, layout: layout)
    let plain = try evaluate(objective, view1, view2, labels)
    var generator = RandomGenerator(seed: 6)
    let order = generator.permutation(37)
    let (mixed1, mixed2) = withoutGradient { (view1.gathered(order), view2.gathered(order)) }
    mixed1.requiresGradient = true
    mixed2.requiresGradient = true
    let mixed = try evaluate(objective, mixed1, mixed2, order.map { labels[$0] })
    #expect(abs(plain.value - mixed.value) <= 1e-5 * abs(plain.value))
    #expect(relativeError(mixed.gradient1, plain.gradient1.gathered(order)) <= 1e-5)
    #expect(relativeError(mixed.gradient2, plain.gradient2.gathered(order)) <= 1e-5)
  }

  @Test(
    "gradients agree with differences, rows scaled to unit length included",
    arguments: ContrastiveLoss.allCases)
  func differences(_ loss: ContrastiveLoss) throws {
    let (view1, view2, labels) = randomBatch(9, 4, classes: 3, seed: 8)
    let objective = ContrastiveObjective(loss, temperature: 0.5, alpha: 0.3)
    try expectGradients(of: [("view 1", view1), ("view 2", view2)], step: 0.02, smallest: 0) {
      try objective(view1, view2, labels: labels)
    }
  }

  @Test("symmetric is the average with the views exchanged", arguments: ContrastiveLoss.allCases)
  func symmetric(_ loss: ContrastiveLoss) throws {
    let (view1, view2, labels) = randomBatch(21, 5, classes: 3, seed: 9)
    let plain = ContrastiveObjective(loss, temperature: 0.3)
    var both = plain
    both.symmetric = true
    let (a, b, c) = (
      try evaluate(plain, view1, view2, labels).value, try evaluate(plain, view2, view1, labels).value,
      try evaluate(both, view1, view2, labels).value
    )
    #expect(abs(c - (a + b) / 2) <= 1e-5 * abs(c))
  }

  @Test("L_spread is its two parts, and its ends are them")
  func parts() throws {
    let (view1, view2, labels) = randomBatch(25, 6, classes: 3, seed: 10)
    func value(_ loss: ContrastiveLoss, alpha: Double = 0.5) throws -> Float {
      try evaluate(ContrastiveObjective(loss, temperature: 0.2, alpha: alpha), view1, view2, labels).value
    }
    let (attract, repel) = (try value(.attract), try value(.repel))
    #expect(abs(try value(.spread, alpha: 0.3) - (0.3 * attract + 0.7 * repel)) <= 1e-5)
    #expect(try value(.spread, alpha: 1) == attract)
    #expect(try value(.spread, alpha: 0) == repel)
  }

  @Test("the same call gives the same bits, and an upstream factor scales the gradient")
  func repetition() throws {
    let (view1, view2, labels) = randomBatch(300, 16, classes: 10, seed: 11)
    let objective = ContrastiveObjective(.spread, temperature: 0.1)
    let first = try evaluate(objective, view1, view2, labels)
    let second = try evaluate(objective, view1, view2, labels)
    #expect(first.value == second.value)
    #expect(first.gradient1.scalars() == second.gradient1.scalars())
    #expect(first.gradient2.scalars() == second.gradient2.scalars())
    view1.gradient = nil
    (try objective(view1, view2, labels: labels) * 3).backward()
    #expect(relativeError(try #require(view1.gradient), first.gradient1 * 3) <= 1e-6)
  }

  @Test("a loss keeps memory in proportion to the batch, not to its square")
  func memory() throws {
    let batch = 10_000
    let (view1, view2, labels) = randomBatch(batch, 16, classes: 10, seed: 12)
    // The pool's figures are shared with other tests that run beside this one, so the bound is on what a B x
    // B matrix would add.
    let matrix = batch * batch * 4
    MemoryPool.resetPeak()
    let before = MemoryPool.statistics.bytesInUse
    _ = try evaluate(ContrastiveObjective(.spread, tileRows: 64), view1, view2, labels)
    #expect(MemoryPool.statistics.peakBytesInUse - before < matrix / 2)
  }
}
