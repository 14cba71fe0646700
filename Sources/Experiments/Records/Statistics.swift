/// Mean and deviation of a sample.
package struct Statistics: Sendable, Equatable {
  package var mean: Double?
  /// With n - 1; nil with fewer than two.
  package var deviation: Double?

  package init(_ values: [Double]) {
    guard !values.isEmpty else { return }
    let mean = values.reduce(0, +) / Double(values.count)
    self.mean = mean
    guard values.count > 1 else { return }
    let squares = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) }
    deviation = (squares / Double(values.count - 1)).squareRoot()
  }
}
