import Foundation
import Tensors
import Testing

/// Expects every element within `tolerance` of the expected one, relative to the largest expected magnitude.
func expectClose(
  _ actual: Tensor, _ expected: Tensor, tolerance: Float = 1e-5, _ what: String = "",
  sourceLocation: SourceLocation = #_sourceLocation
) {
  guard actual.shape == expected.shape else {
    Issue.record("\(what): shape \(actual.shape), expected \(expected.shape)", sourceLocation: sourceLocation)
    return
  }
  let (a, b) = (actual.scalars(), expected.scalars())
  let scale = b.reduce(0) { max($0, abs($1)) }
  let worst = zip(a, b).map { $0.isFinite ? abs($0 - $1) : .infinity }.max() ?? 0
  #expect(
    worst <= tolerance * scale, "\(what): differs by \(worst) where the largest value is \(scale)",
    sourceLocation: sourceLocation)
}

/// Expects the recorded gradients of `output()` with respect to `leaves` to agree with differences of its
/// values.
///
/// The scalar is the output's inner product with fixed random numbers, summed in double precision.
/// Differences have four points (error of fourth order), so that a step wide enough for float32 serves. Of a
/// large leaf, about 60 elements are tried.
func expectGradients(
  of leaves: [(name: String, tensor: Tensor)], step: Float = 0.03, tolerance: Double = 2e-3,
  sourceLocation: SourceLocation = #_sourceLocation, _ output: () -> Tensor
) {
  for (_, leaf) in leaves { leaf.gradient = nil }
  let result = output()
  var generator = RandomGenerator(seed: 77)
  let slope = Tensor.normal(result.shape, using: &generator)
  (result * slope).sum().backward()

  func value() -> Double {
    let values = withoutGradient { output().scalars() }
    return zip(values, slope.scalars()).reduce(0) { $0 + Double($1.0) * Double($1.1) }
  }
  for (name, leaf) in leaves {
    guard let gradient = leaf.gradient else {
      Issue.record("\(name) has no gradient", sourceLocation: sourceLocation)
      continue
    }
    let tried = Array(stride(from: 0, to: leaf.count, by: max(1, leaf.count / 60)))
    let numeric = tried.map { i -> Double in
      func shifted(_ by: Float) -> Double {
        let saved = leaf.withUnsafeMutableData { data -> Float in
          defer { data[i] += by }
          return data[i]
        }
        defer { leaf.withUnsafeMutableData { $0[i] = saved } }
        return value()
      }
      let near = shifted(step) - shifted(-step)
      let far = shifted(2 * step) - shifted(-2 * step)
      return (8 * near - far) / (12 * Double(step))
    }
    let recorded = gradient.scalars()
    let scale = numeric.reduce(0.1) { max($0, abs($1)) }
    let worst = zip(tried, numeric).map { abs(Double(recorded[$0]) - $1) }.max() ?? 0
    #expect(
      worst <= tolerance * scale, "\(name): gradient off by \(worst) where the largest is \(scale)",
      sourceLocation: sourceLocation)
  }
}

/// A leaf of normal values.
func leaf(_ shape: [Int], mean: Float = 0, deviation: Float = 1, seed: UInt64) -> Tensor {
  var generator = RandomGenerator(seed: seed)
  let tensor = Tensor.normal(shape, mean: mean, deviation: deviation, using: &generator)
  tensor.requiresGradient = true
  return tensor
}

/// Overwrites parameters with normal values, so that none is at its (often special) initial value.
func randomise(_ parameters: [(name: String, tensor: Tensor)], deviation: Float = 0.4, seed: UInt64) {
  var generator = RandomGenerator(seed: seed)
  for (_, tensor) in parameters {
    tensor.withUnsafeMutableData { data in
      for i in data.indices { data[i] = deviation * generator.normal() }
    }
  }
}

/// Tensors that `Tests/Fixtures/make_network_fixtures.py` wrote.
func networkFixture(_ name: String) throws -> SafeTensors {
  let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
  return try SafeTensors(path: folder.appendingPathComponent("Fixtures/networks/\(name).safetensors").path)
}

extension SafeTensors {
  /// The tensors whose names start with `prefix`, without it.
  func under(_ prefix: String) -> [String: Tensor] {
    Dictionary(
      uniqueKeysWithValues: tensors.compactMap { name, tensor in
        name.hasPrefix(prefix) ? (String(name.dropFirst(prefix.count)), tensor) : nil
      })
  }
}

private let threadCountLock = NSRecursiveLock()

/// Runs `body` with a thread count that no other test changes meanwhile: for what compares bits, or counts.
func withThreadCount<R>(_ threads: Int, _ body: () throws -> R) rethrows -> R {
  threadCountLock.lock()
  let before = Parallel.threadCount
  Parallel.setThreadCount(threads)
  defer {
    Parallel.setThreadCount(before)
    threadCountLock.unlock()
  }
  return try body()
}
