import Basics
import Evaluation
import Foundation
import Tensors
import Testing

/// `count` points around one centre a class, in `width` dimensions, with their classes.
private func clusters(
  _ count: Int, width: Int, classes: Int, spread: Float, seed: UInt64
) -> (points: Tensor, labels: [Int]) {
  var centres = RandomGenerator(seed: 1)
  let means = (0..<classes).map { _ in (0..<width).map { _ in centres.normal() } }
  var generator = RandomGenerator(seed: seed)
  let labels = (0..<count).map { _ in generator.below(classes) }
  let values = labels.flatMap { label in means[label].map { $0 + spread * generator.normal() } }
  return (Tensor(values, shape: [count, width]), labels)
}

@Suite("Linear probe")
struct LinearProbeTests {
  @Test("it separates what a plane can separate, at any scale and offset of the features")
  func separable() {
    let training = clusters(600, width: 8, classes: 4, spread: 0.2, seed: 2)
    let test = clusters(200, width: 8, classes: 4, spread: 0.2, seed: 3)
    for (scale, shift) in [(1, 0), (1000, 5000), (1e-3, -1)] as [(Float, Float)] {
      var generator = RandomGenerator(seed: 4)
      let probe = LinearProbe(
        embeddings: training.points * scale + shift, labels: training.labels, classes: 4,
        configuration: .init(rate: 0.02, epochs: 30, batchSize: 100), using: &generator)
      #expect(probe.accuracy(test.points * scale + shift, labels: test.labels) > 0.98)
    }
  }

  @Test("it reaches the accuracy that the overlap of two normal distributions allows")
  func overlap() {
    var generator = RandomGenerator(seed: 5)
    func sample(_ count: Int) -> (Tensor, [Int]) {
      let labels = (0..<count).map { _ in generator.below(2) }
      return (Tensor(labels.map { Float(2 * $0 - 1) + generator.normal() }, shape: [count, 1]), labels)
    }
    let (x, y) = sample(4000)
    let (testX, testY) = sample(20_000)
    let probe = LinearProbe(
      embeddings: x, labels: y, classes: 2, configuration: .init(rate: 0.01, epochs: 20),
      using: &generator)
    let best = 0.841_34  // Phi(1)
    #expect(abs(probe.accuracy(testX, labels: testY) - best) < 0.01)
  }

  @Test("the same generator gives the same probe; a constant feature does no harm")
  func repetition() {
    let (points, labels) = clusters(150, width: 5, classes: 3, spread: 0.3, seed: 6)
    let constant = Tensor.concatenated([points, Tensor.full(7, [150, 1])], axis: 1)
    func train() -> LinearProbe {
      var generator = RandomGenerator(seed: 7)
      return LinearProbe(
        embeddings: constant, labels: labels, classes: 3,
        configuration: .init(rate: 0.05, epochs: 30, batchSize: 32),
        using: &generator)
    }
    let (a, b) = (train(), train())
    #expect(a.weight.scalars() == b.weight.scalars())
    #expect(a.weight.isFinite)
    #expect(a.accuracy(constant, labels: labels) > 0.95)
  }

  @Test("accuracy counts")
  func counting() {
    #expect(accuracy([1, 2, 3, 4], labels: [1, 0, 3, 0]) == 0.5)
    #expect(accuracy([], labels: []) == 0)
  }
}

@Suite("Nearest neighbours")
struct NearestNeighbourTests {
  @Test("the tiled search agrees with one over all pairs", arguments: [1, 5, 20, 5000])
  func bruteForce(_ k: Int) {
    let training = clusters(2500, width: 6, classes: 5, spread: 1.2, seed: 8)
    let queries = clusters(130, width: 6, classes: 5, spread: 1.2, seed: 9)
    let found = NearestNeighbours.predict(
      queries.points, training: training.points, labels: training.labels, k: k)
    let (u, v) = (queries.points.normalised(), training.points.normalised())
    let similarities = Tensor.matmul(u, v, transposeB: true).scalars()
    var different = 0
    for query in 0..<130 {
      let row = similarities[(query * 2500)..<((query + 1) * 2500)]
      let nearest = row.indices.sorted { (row[$0], $1) > (row[$1], $0) }.prefix(k).map { $0 - row.startIndex }
      var votes = [(Int, Float)](repeating: (0, 0), count: 5)
      for place in nearest {
        votes[training.labels[place]].0 += 1
        votes[training.labels[place]].1 += row[row.startIndex + place]
      }
      let winner = votes.indices.max { votes[$0] < votes[$1] }!
      if winner != found[query] { different += 1 }
    }
    #expect(different <= 1, "rounding may turn a tie, no more")
  }

  @Test("length does not matter, and each point is its own nearest")
  func cosine() {
    let (points, labels) = clusters(80, width: 6, classes: 4, spread: 1, seed: 10)
    #expect(NearestNeighbours.predict(points * 50, training: points, labels: labels, k: 1) == labels)
  }
}

@Suite("Collapse")
struct CollapseTests {
  /// From the definitions, over all pairs, in double precision.
  private func byPairs(_ z: Tensor, _ groups: [Int]) -> (cosine: Double, toMean: Double, share: Double) {
    let width = z.shape[1]
    let rows = (0..<z.shape[0]).map { i -> [Double] in
      let row = (0..<width).map { Double(z[i, $0]) }
      let length = row.reduce(0) { $0 + $1 * $1 }.squareRoot()
      return row.map { $0 / length }
    }
    func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }
    func mean(_ places: [Int]) -> [Double] {
      (0..<width).map { k in places.reduce(0) { $0 + rows[$1][k] } / Double(places.count) }
    }
    let members = Dictionary(grouping: groups.indices) { groups[$0] }.sorted { $0.key < $1.key }.map(\.value)
    var (cosines, toMeans, within) = ([Double](), [Double](), 0.0)
    for places in members {
      let centre = mean(places)
      var pairs = [Double]()
      for i in places { for j in places where i != j { pairs.append(dot(rows[i], rows[j])) } }
      if !pairs.isEmpty { cosines.append(pairs.reduce(0, +) / Double(pairs.count)) }
      toMeans.append(
        places.reduce(0) { $0 + dot(rows[$1], centre) / dot(centre, centre).squareRoot() }
          / Double(places.count))
      within += places.reduce(0) {
        $0 + dot(rows[$1], rows[$1]) - 2 * dot(rows[$1], centre) + dot(centre, centre)
      }
    }
    let all = mean(Array(groups.indices))
    let total = rows.reduce(0) { $0 + dot($1, $1) - 2 * dot($1, all) + dot(all, all) }
    return (
      cosines.reduce(0, +) / Double(cosines.count), toMeans.reduce(0, +) / Double(toMeans.count),
      within / total
    )
  }

  @Test("the sums agree with all pairs")
  func pairs() throws {
    var (points, groups) = clusters(60, width: 5, classes: 4, spread: 0.8, seed: 11)
    groups[3] = 7  // a group of one, and numbers without points
    points = points * 3
    let (collapse, expected) = (Collapse(points, groups: groups), byPairs(points, groups))
    #expect(abs(try #require(collapse.withinCosine) - expected.cosine) < 1e-6)
    #expect(abs(collapse.cosineToMean - expected.toMean) < 1e-6)
    #expect(abs(try #require(collapse.withinVarianceShare) - expected.share) < 1e-6)
    let single = try #require(collapse.groups.first { $0.name == "7" })
    #expect(single.count == 1 && single.withinCosine == nil && abs(single.cosineToMean - 1) < 1e-6)
    #expect(collapse.groups.map(\.name) == ["0", "1", "2", "3", "7"])
  }

  @Test("classes that are points give 1, 1 and 0; coinciding means give a share of 1")
  func extremes() throws {
    let collapsed = Collapse(
      Tensor([1, 0, 2, 0, 0, 3, 0, 5], shape: [4, 2]), groups: [0, 0, 1, 1], names: ["a", "b"])
    #expect(abs(try #require(collapsed.withinCosine) - 1) < 1e-6 && abs(collapsed.cosineToMean - 1) < 1e-6)
    #expect(try #require(collapsed.withinVarianceShare) < 1e-6)
    #expect(collapsed.groups.map(\.name) == ["a", "b"])
    let spread = Collapse(Tensor([1, 0, -1, 0, 0, 1, 0, -1], shape: [4, 2]), groups: [0, 0, 1, 1])
    #expect(abs(try #require(spread.withinCosine) + 1) < 1e-6)
    #expect(abs(try #require(spread.withinVarianceShare) - 1) < 1e-6)
    let orthogonal = Collapse(Tensor([1, 0, 0, 1], shape: [2, 2]), groups: [0, 0])
    #expect(abs(try #require(orthogonal.withinCosine)) < 1e-6)
    #expect(abs(orthogonal.cosineToMean - 0.5.squareRoot()) < 1e-6)
    #expect(Collapse(Tensor.ones([3, 2]), groups: [0, 1, 1]).withinVarianceShare == nil)
  }

  @Test("it travels as JSON")
  func json() throws {
    let collapse = Collapse(Tensor([1, 0, 0, 1, 1, 1], shape: [3, 2]), groups: [0, 0, 1])
    #expect(try JSONDecoder().decode(Collapse.self, from: JSONEncoder().encode(collapse)) == collapse)
  }
}

@Suite("Area under the ROC curve")
struct AreaUnderROCTests {
  /// The definition: pairs of a positive and a negative, ties one half.
  private func byPairs(_ scores: [Float], _ positives: [Bool]) -> Double {
    var (wins, pairs) = (0.0, 0.0)
    for p in scores.indices where positives[p] {
      for n in scores.indices where !positives[n] {
        wins += scores[p] > scores[n] ? 1 : scores[p] == scores[n] ? 0.5 : 0
        pairs += 1
      }
    }
    return wins / pairs
  }

  @Test("it is the share of pairs in the right order", arguments: [3, 40, 1000])
  func pairs(_ values: Int) throws {
    var generator = RandomGenerator(seed: UInt64(values))
    // Few values make many ties.
    let positives = (0..<200).map { _ in generator.below(3) == 0 }
    let scores = positives.map { Float(generator.below(values) + ($0 ? values / 3 : 0)) - 5 }
    let area = try #require(areaUnderROC(scores, positives: positives))
    #expect(abs(area - byPairs(scores, positives)) < 1e-12)
    // The order alone counts, and the positive class exchanged is the other side of the curve.
    let stretched = scores.map { $0 * $0 * $0 + 1e6 * $0 }
    #expect(areaUnderROC(stretched, positives: positives) == area)
    let exchanged = try #require(areaUnderROC(scores, positives: positives.map { !$0 }))
    #expect(abs(exchanged + area - 1) < 1e-12)
  }

  @Test("scores that tell all, nothing, or of one class only")
  func extremes() {
    #expect(areaUnderROC([1, 2, 3, 4], positives: [false, false, true, true]) == 1)
    #expect(areaUnderROC([1, 2, 3, 4], positives: [true, true, false, false]) == 0)
    #expect(areaUnderROC([7, 7, 7], positives: [true, false, false]) == 0.5)
    #expect(areaUnderROC([-.infinity, .infinity], positives: [false, true]) == 1)
    #expect(areaUnderROC([1, 2], positives: [true, true]) == nil && areaUnderROC([], positives: []) == nil)
  }
}
