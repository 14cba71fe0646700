import Tensors
import Testing

/// Expects the recorded gradients of `output()` with respect to `leaves` to agree with differences of its values.
///
/// The scalar is the output's inner product with fixed random numbers, summed in double precision. Differences have four
/// points (error of fourth order), so that a step wide enough for float32 serves. Of a large leaf, about 60 elements are
/// tried.
///
/// - Parameters:
///   - leaves: what `output` reads, requiring gradients; their elements are changed in place and put back.
///   - step: half the distance of the nearer two points; `output` is to be smooth within two steps.
///   - tolerance: of a gradient, relative to the largest one of its leaf, or to `smallest` where that is larger.
package func expectGradients(
  of leaves: [(name: String, tensor: Tensor)], step: Float = 0.03, tolerance: Double = 2e-3,
  smallest: Double = 0.1, _ what: String = "", sourceLocation: SourceLocation = #_sourceLocation,
  _ output: () throws -> Tensor
) rethrows {
  for (_, leaf) in leaves { leaf.gradient = nil }
  let result = try output()
  var generator = RandomGenerator(seed: 77)
  let upstream = Tensor.normal(result.shape, using: &generator)
  (result * upstream).sum().backward()

  func value() throws -> Double {
    let values = try withoutGradient { try output().scalars() }
    return zip(values, upstream.scalars()).reduce(0) { $0 + Double($1.0) * Double($1.1) }
  }
  for (name, leaf) in leaves {
    guard let gradient = leaf.gradient?.scalars() else {
      Issue.record("\(what) \(name) has no gradient", sourceLocation: sourceLocation)
      continue
    }
    var (worst, largest) = (0.0, smallest)
    for place in stride(from: 0, to: leaf.count, by: max(1, leaf.count / 60)) {
      func shifted(_ by: Float) throws -> Double {
        let saved = leaf.withUnsafeMutableData { data -> Float in
          defer { data[place] += by }
          return data[place]
        }
        defer { leaf.withUnsafeMutableData { $0[place] = saved } }
        return try value()
      }
      let near = try shifted(step) - shifted(-step)
      let far = try shifted(2 * step) - shifted(-2 * step)
      let numeric = (8 * near - far) / (12 * Double(step))
      let difference = abs(Double(gradient[place]) - numeric)
      worst = difference.isFinite ? max(worst, difference) : .infinity
      largest = max(largest, abs(numeric))
    }
    #expect(
      worst <= tolerance * largest,
      "\(what) \(name): gradient off by \(worst) where the largest is \(largest)",
      sourceLocation: sourceLocation)
  }
}
