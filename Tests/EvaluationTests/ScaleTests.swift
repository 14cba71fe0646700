import Evaluation
import Foundation
import Tensors
import Testing

/// What is measured of embeddings does not depend on how long they are.
@Suite struct ScaleTests {
  static let powers: [Float] = [0x1p-100, 0x1p-83, 0x1p-45, 0x1p45, 0x1p63, 0x1p83, 0x1p110]

  /// Two classes of two strata each, in eight dimensions.
  private static func points(_ count: Int, seed: UInt64) -> (rows: Tensor, labels: [Int], strata: [Int]) {
    var generator = RandomGenerator(seed: seed)
    let strata = (0..<count).map { $0 % 4 }
    let noise = Tensor.normal([count, 8], deviation: 0.4, using: &generator)
    let rows = noise.scalars().enumerated().map { place, value in
      value + (place % 8 == strata[place / 8] ? 2 : 0)
    }
    return (Tensor(rows, shape: [count, 8]), strata.map { $0 / 2 }, strata)
  }

  @Test(arguments: powers) func collapseAndSpread(power: Float) throws {
    let (rows, labels, _) = Self.points(60, seed: 1)
    let (one, scaled) = (Collapse(rows, groups: labels), Collapse(rows * power, groups: labels))
    func close(_ a: Double?, _ b: Double?) -> Bool { abs((a ?? .nan) - (b ?? .nan)) < 1e-6 }
    #expect(close(one.withinCosine, scaled.withinCosine) && close(one.cosineToMean, scaled.cosineToMean))
    #expect(close(one.withinVarianceShare, scaled.withinVarianceShare))
    let (spread, far) = (EmbeddingSpread(rows), EmbeddingSpread(rows * power))
    #expect(close(spread.meanCosine, far.meanCosine) && close(spread.deviation, far.deviation))
    #expect(spread.constantDimensions == far.constantDimensions)
  }

  @Test(arguments: powers) func neighbours(power: Float) {
    let (training, _, strata) = Self.points(200, seed: 2)
    let queries = Self.points(80, seed: 3).rows
    let expected = NearestNeighbours.predict(queries, training: training, labels: strata, k: 5)
    #expect(
      NearestNeighbours.predict(queries * power, training: training * (1 / power), labels: strata, k: 5)
        == expected)
  }

  @Test(arguments: powers) func probe(power: Float) {
    let (training, _, strata) = Self.points(200, seed: 4)
    let (test, _, expected) = Self.points(80, seed: 5)
    func accuracy(_ power: Float) -> Double {
      var generator = RandomGenerator(seed: 6)
      let configuration = LinearProbe.Configuration(rate: 0.05, epochs: 20, batchSize: 50)
      return LinearProbe(
        embeddings: training * power, labels: strata, classes: 4, configuration: configuration,
        using: &generator
      ).accuracy(test * power, labels: expected)
    }
    #expect(accuracy(1) > 0.9 && accuracy(power) == accuracy(1))
  }

  /// A feature beyond what float32 can square does not take the others along.
  @Test func oneLongFeature() {
    let (rows, _, strata) = Self.points(200, seed: 7)
    let stretched = Tensor(
      rows.scalars().enumerated().map { $0 % 8 == 3 ? $1 * 0x1p90 : $1 }, shape: rows.shape)
    var generator = RandomGenerator(seed: 8)
    let probe = LinearProbe(
      embeddings: stretched, labels: strata, classes: 4,
      configuration: LinearProbe.Configuration(rate: 0.05, epochs: 20, batchSize: 50),
      using: &generator)
    #expect(probe.accuracy(stretched, labels: strata) > 0.9)
  }

  /// Float32's rounding puts no cosine beyond 1 and no share beyond its range.
  @Test func figuresKeepToTheirRanges() {
    for width in 1...40 {
      for count in [2, 3, 7, 50] {
        let row = (0..<width).map { Float(cos(Double($0 * width) + 0.3)) }
        let same = Collapse(
          Tensor([[Float]](repeating: row, count: count).flatMap { $0 }, shape: [count, width]),
          groups: [Int](repeating: 0, count: count))
        #expect(same.withinCosine! <= 1 && same.cosineToMean <= 1 && same.groups[0].withinVariance >= 0)
        #expect(abs(same.withinCosine! - 1) < 1e-6)
        let opposite = Tensor(row + row.map { -$0 }, shape: [2, width])
        let apart = Collapse(opposite, groups: [0, 0])
        #expect(apart.withinCosine! >= -1 && apart.groups[0].withinVariance <= 1)
        #expect(apart.withinVarianceShare! <= 1 && EmbeddingSpread(opposite).meanCosine >= -1)
        #expect(EmbeddingSpread(opposite).deviation <= 1)
      }
    }
  }
}
