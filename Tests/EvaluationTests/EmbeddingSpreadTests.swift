import Evaluation
import Tensors
import Testing

@Suite struct EmbeddingSpreadTests {
  /// Against the definitions, pair by pair and dimension by dimension, in double precision.
  @Test func theFiguresAreThoseOfTheDefinitions() {
    var generator = RandomGenerator(seed: 3)
    let (count, width) = (37, 11)
    let embeddings = Tensor.normal([count, width], mean: 0.3, using: &generator)
    let rows = (0..<count).map { row in
      let values = (0..<width).map { Double(embeddings[row, $0]) }
      let length = values.reduce(0) { $0 + $1 * $1 }.squareRoot()
      return values.map { $0 / length }
    }
    var cosines: [Double] = []
    for i in 0..<count {
      for j in 0..<count where i != j { cosines.append(zip(rows[i], rows[j]).reduce(0) { $0 + $1.0 * $1.1 }) }
    }
    let deviations = (0..<width).map { k in
      let column = rows.map { $0[k] }
      let mean = column.reduce(0, +) / Double(count)
      return (column.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(count)).squareRoot()
    }
    let spread = EmbeddingSpread(embeddings)
    #expect(abs(spread.meanCosine - cosines.reduce(0, +) / Double(cosines.count)) < 1e-6)
    let expected = deviations.reduce(0, +) / Double(width) * Double(width).squareRoot()
    #expect(abs(spread.deviation - expected) < 1e-6)
    #expect(spread.constantDimensions == 0 && spread.dimensions == width && !spread.isCollapsed)
  }

  @Test func aSphereCoveredEvenlyHasCosineZeroAndDeviationOne() {
    let axes = (0..<4).flatMap { axis in [1, -1].map { sign in (0..<4).map { Float($0 == axis ? sign : 0) } }
    }
    let spread = EmbeddingSpread(Tensor(axes.flatMap { $0 }, shape: [8, 4]))
    // Each row has one opposite and six at right angles.
    #expect(abs(spread.meanCosine + 1.0 / 7) < 1e-6)
    #expect(abs(spread.deviation - 1) < 1e-6)
  }

  @Test func aPointAndAFewDimensionsAreCollapse() {
    var generator = RandomGenerator(seed: 4)
    let noise = Tensor.normal([50, 16], using: &generator)
    let point = EmbeddingSpread(noise * 1e-3 + 1)
    #expect(point.meanCosine > 0.999 && point.deviation < 0.01 && point.isCollapsed)
    let same = EmbeddingSpread(Tensor.ones([5, 16]))
    #expect(same.constantDimensions == 16 && same.deviation < 1e-6 && same.isCollapsed)
    // One dimension of sixteen is left: half the rows this way, half that.
    let line = Tensor(
      (0..<50).flatMap { row in (0..<16).map { $0 == 0 ? Float(row % 2) * 2 - 1 : 0 } }, shape: [50, 16])
    let thin = EmbeddingSpread(line)
    #expect(thin.constantDimensions == 15 && abs(thin.meanCosine) < 0.03 && thin.isCollapsed)
    #expect(!EmbeddingSpread(noise).isCollapsed)
  }
}
