import Basics
import Foundation

/// A seeded generator of random numbers, the same on every machine and in every run: xoshiro256++, its state
/// filled by SplitMix64.
///
/// It is a value: a copy repeats the same numbers. It is `Codable`, so that a checkpoint can carry it.
/// - Source: Blackman and Vigna 2021, "Scrambled linear pseudorandom number generators".
public struct RandomGenerator: RandomNumberGenerator, Codable, Sendable, Equatable {
  private var a: UInt64
  private var b: UInt64
  private var c: UInt64
  private var d: UInt64

  /// One sequence for each seed; any seed will do, 0 and neighbouring ones too.
  public init(seed: UInt64) {
    var mixer = SplitMix(state: seed)
    (a, b, c, d) = (mixer.next(), mixer.next(), mixer.next(), mixer.next())
  }

  public mutating func next() -> UInt64 {
    func rotated(_ x: UInt64, _ k: UInt64) -> UInt64 { x << k | x >> (64 - k) }
    let result = rotated(a &+ d, 23) &+ a
    let t = b << 17
    c ^= a
    d ^= b
    b ^= c
    a ^= d
    c ^= t
    d = rotated(d, 45)
    return result
  }

  /// An independent child, seeded from the next value; this generator advances by one.
  public mutating func split() -> RandomGenerator { RandomGenerator(seed: next()) }

  /// An independent child numbered `index`; this generator does not advance. For one stream an image, an
  /// epoch, ...
  public func stream(_ index: UInt64) -> RandomGenerator {
    var mixer = SplitMix(state: a ^ (c &* 0x9E37_79B9_7F4A_7C15))
    let key = mixer.next()
    mixer.state = key ^ (index &* 0xD605_BBB5_8C8A_BC2D) ^ b
    return RandomGenerator(seed: mixer.next() ^ d)
  }

  /// Uniform in [0, 1), 24 bits.
  public mutating func uniform() -> Float { Float(next() >> 40) * 0x1p-24 }

  /// Uniform in the half-open range.
  public mutating func uniform(_ range: Range<Float>) -> Float {
    let value = range.lowerBound + (range.upperBound - range.lowerBound) * uniform()
    return value < range.upperBound ? value : range.lowerBound
  }

  /// Standard normal, by Box and Muller's transform in double precision (one of its two values; no state is
  /// kept).
  public mutating func normal() -> Float {
    let radius = (Double(next() >> 11) + 1) * 0x1p-53  // in (0, 1], so that the logarithm is finite
    let angle = Double(next() >> 11) * 0x1p-53
    return Float((-2 * Foundation.log(radius)).squareRoot() * Foundation.cos(2 * Double.pi * angle))
  }

  /// Standard normal cut to [-bound, bound] by drawing again.
  public mutating func truncatedNormal(bound: Float) -> Float {
    require(bound > 0, "bound \(bound) of a truncated normal must be positive")
    while true {
      let value = normal()
      if abs(value) <= bound { return value }
    }
  }

  /// Uniform in 0..<n, without bias (Lemire's method).
  public mutating func below(_ n: Int) -> Int {
    require(n > 0, "below(\(n)): the bound must be positive")
    return Int(next(upperBound: UInt64(n)))
  }

  /// True with `probability`, exact to 24 bits: never at 0 or below, always at 1 or above. Takes one value.
  public mutating func bool(probability: Float) -> Bool { uniform() < probability }

  /// The numbers 0..<n in random order (Fisher and Yates).
  public mutating func permutation(_ n: Int) -> [Int] {
    var order = Array(0..<n)
    guard n > 1 else { return order }
    for i in stride(from: n - 1, to: 0, by: -1) { order.swapAt(i, below(i + 1)) }
    return order
  }
}

private struct SplitMix {
  var state: UInt64

  mutating func next() -> UInt64 {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return z ^ (z >> 31)
  }
}
