import Tensors
import Testing

/// The largest difference between numbers and what they should be; infinite where their counts differ, or one is not
/// finite.
package func largestDifference(_ found: some Collection<Float>, _ expected: some Collection<Double>) -> Double
{
  guard found.count == expected.count else { return .infinity }
  return zip(found, expected).reduce(0) { worst, pair in
    let difference = abs(Double(pair.0) - pair.1)
    return difference.isFinite ? max(worst, difference) : .infinity
  }
}

/// The largest difference as a share of the largest magnitude that is expected.
package func relativeError(_ found: some Collection<Float>, _ expected: some Collection<Double>) -> Double {
  largestDifference(found, expected) / expected.reduce(1e-30) { max($0, abs($1)) }
}

package func relativeError(_ found: Tensor, _ expected: some Collection<Double>) -> Double {
  relativeError(found.scalars(), expected)
}

/// Infinite where the shapes differ.
package func relativeError(_ found: Tensor, _ expected: Tensor) -> Double {
  found.shape == expected.shape ? relativeError(found, expected.scalars().map(Double.init)) : .infinity
}

/// Expects every element within `tolerance` of the expected one, relative to the largest expected magnitude.
package func expectClose(
  _ found: Tensor, _ expected: Tensor, tolerance: Double = 1e-5, _ what: String = "",
  sourceLocation: SourceLocation = #_sourceLocation
) {
  let error = relativeError(found, expected)
  #expect(
    error <= tolerance, "\(what): \(found) differs by \(error) of the largest value of \(expected)",
    sourceLocation: sourceLocation)
}
