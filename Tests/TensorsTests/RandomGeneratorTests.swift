import Basics
import Foundation
import TestSupport
import Testing

@testable import Tensors

@Suite("Random numbers")
struct RandomGeneratorTests {
  @Test("The bits are xoshiro256++'s, as an independent implementation gives them")
  func knownValues() throws {
    let data = try Data(contentsOf: URL(fileURLWithPath: fixture("tensors/xoshiro.json")))
    let table = try JSONDecoder().decode([String: [String]].self, from: data)
    #expect(table.count == 4)
    for (seed, values) in table {
      var generator = RandomGenerator(seed: try #require(UInt64(seed)))
      #expect(values.map { _ in String(generator.next()) } == values)
    }
  }

  @Test("A stored generator goes on with the same numbers, and a copy repeats them")
  func codable() throws {
    var generator = RandomGenerator(seed: 9)
    _ = generator.normal()
    var restored = try JSONDecoder().decode(RandomGenerator.self, from: JSONEncoder().encode(generator))
    #expect(restored == generator)
    var copy = generator
    let values = (0..<100).map { _ in generator.next() }
    #expect((0..<100).map { _ in restored.next() } == values)
    #expect((0..<100).map { _ in copy.next() } == values)
  }

  @Test("Uniform values fill their range evenly")
  func uniform() {
    var generator = RandomGenerator(seed: 1)
    var bins = [Int](repeating: 0, count: 20)
    let count = 100_000
    for _ in 0..<count {
      let value = generator.uniform()
      #expect(value >= 0 && value < 1)
      bins[Int(value * 20)] += 1
    }
    // Chi-squared with 19 degrees of freedom: 55 is exceeded once in 50,000 seeds.
    #expect(Self.chiSquared(bins, expected: Double(count) / 20) < 55)
    for _ in 0..<1000 { #expect((-2..<(-1.5)).contains(generator.uniform(-2..<(-1.5)))) }
    let narrow: Range<Float> = 1..<Float(1).nextUp
    for _ in 0..<100 { #expect(generator.uniform(narrow) == 1) }
  }

  static func chiSquared(_ bins: [Int], expected: Double) -> Double {
    bins.reduce(0) { $0 + (Double($1) - expected) * (Double($1) - expected) / expected }
  }

  @Test("below(n) is even, and takes every value")
  func below() {
    var generator = RandomGenerator(seed: 2)
    var bins = [Int](repeating: 0, count: 7)
    for _ in 0..<70_000 { bins[generator.below(7)] += 1 }
    #expect(Self.chiSquared(bins, expected: 10_000) < 35)
    #expect((0..<50).allSatisfy { _ in generator.below(1) == 0 })
    #expect(generator.below(.max) >= 0)
  }

  @Test("Normal values have their moments and tails")
  func normal() {
    var generator = RandomGenerator(seed: 3)
    let count = 100_000
    let values = (0..<count).map { _ in Double(generator.normal()) }
    func moment(_ power: Int) -> Double { values.reduce(0) { $0 + pow($1, Double(power)) } / Double(count) }
    // Five standard errors of each.
    #expect(abs(moment(1)) < 0.016)
    #expect(abs(moment(2) - 1) < 0.023)
    #expect(abs(moment(3)) < 0.062)
    #expect(abs(moment(4) - 3) < 0.16)
    #expect(abs(Double(values.filter { abs($0) > 1.959964 }.count) / Double(count) - 0.05) < 0.0035)
    // Neighbours do not follow each other.
    let product = zip(values, values.dropFirst()).reduce(0) { $0 + $1.0 * $1.1 } / Double(count)
    #expect(abs(product) < 0.016)
  }

  @Test("Truncated normal values stay within their bound and have the smaller deviation")
  func truncated() {
    var generator = RandomGenerator(seed: 4)
    let x = Tensor.truncatedNormal([50_000], deviation: 0.02, using: &generator).scalars().map(Double.init)
    #expect(x.allSatisfy { abs($0) <= 0.04 })
    let deviation = (x.reduce(0) { $0 + $1 * $1 } / 50_000).squareRoot()
    #expect(abs(deviation / 0.02 - 0.8796) < 0.015)  // of a normal cut at 2
  }

  @Test("Tensors: shape, range, mean and deviation")
  func tensors() {
    var generator = RandomGenerator(seed: 6)
    let x = Tensor.normal([100, 200], mean: 3, deviation: 2, using: &generator)
    #expect(x.shape == [100, 200])
    #expect(abs(x.mean().item() - 3) < 0.08)
    #expect(abs((x - 3).squared().mean().sqrt().item() - 2) < 0.06)
    let y = Tensor.uniform([1000], in: -1..<1, using: &generator).scalars()
    #expect(y.allSatisfy { $0 >= -1 && $0 < 1 } && y.contains { $0 < -0.9 } && y.contains { $0 > 0.9 })
  }

  @Test("A permutation holds every number once, and every order is as likely")
  func permutation() {
    var generator = RandomGenerator(seed: 7)
    #expect(generator.permutation(0) == [])
    #expect(generator.permutation(1) == [0])
    #expect(generator.permutation(1000).sorted() == Array(0..<1000))
    var counts: [[Int]: Int] = [:]
    for _ in 0..<24_000 { counts[generator.permutation(4), default: 0] += 1 }
    #expect(counts.count == 24)
    #expect(Self.chiSquared(Array(counts.values), expected: 1000) < 62)
  }

  @Test("Probabilities of 0 and 1 are exact")
  func booleans() {
    var generator = RandomGenerator(seed: 8)
    #expect((0..<1000).allSatisfy { _ in !generator.bool(probability: 0) })
    #expect((0..<1000).allSatisfy { _ in generator.bool(probability: 1) })
    let share = (0..<20_000).filter { _ in generator.bool(probability: 0.3) }.count
    #expect(abs(share - 6000) < 330)
  }

  @Test("Children differ from each other and from their parent, and a numbered one can be had again")
  func children() {
    var parent = RandomGenerator(seed: 10)
    let before = parent
    var first = parent.stream(0)
    var again = parent.stream(0)
    #expect(parent == before)
    #expect((0..<10).map { _ in first.next() } == (0..<10).map { _ in again.next() })
    var split = parent.split()
    #expect(parent != before)

    // No number of 64 bits comes twice, over all of them and over neighbouring seeds.
    var seen: Set<UInt64> = []
    var generators = (0..<500).map { before.stream($0) } + (11..<511).map { RandomGenerator(seed: $0) }
    generators += [first, split, parent] + (0..<100).map { RandomGenerator(seed: 99).stream($0) }
    for i in generators.indices { for _ in 0..<10 { seen.insert(generators[i].next()) } }
    #expect(seen.count == generators.count * 10)

    // The first values of numbered children are uniform, and neighbours are not alike.
    let firsts = (0..<20_000).map { index -> Double in
      var child = before.stream(UInt64(index))
      return Double(child.uniform())
    }
    var bins = [Int](repeating: 0, count: 20)
    for value in firsts { bins[Int(value * 20)] += 1 }
    #expect(Self.chiSquared(bins, expected: 1000) < 55)
    let covariance = zip(firsts, firsts.dropFirst()).reduce(0) { $0 + ($1.0 - 0.5) * ($1.1 - 0.5) } / 20_000
    #expect(abs(covariance) < 0.003)
    _ = split.next()
  }
}
