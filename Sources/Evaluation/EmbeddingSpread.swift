import Basics
import Tensors

/// Whether embeddings have collapsed to a point, or to a few dimensions: what to look at while a network is being
/// trained.
///
/// All of it is of the rows scaled to unit length.
/// - Complexity: a few passes over the embeddings.
/// - Source: the deviation is what Chen and He 2021 (SimSiam) watch.
public struct EmbeddingSpread: Sendable, Equatable {
  /// The mean cosine over all pairs of rows, in [-1, 1]: 1 when all have collapsed to a point, about 0 when they are spread
  /// over the sphere.
  public var meanCosine: Double
  /// The mean over dimensions of the deviation over rows, times the square root of the dimension: 0 when all have
  /// collapsed to a point, 1 at most.
  public var deviation: Double
  /// Dimensions whose deviation is under a thousandth of that of a sphere that is covered evenly.
  public var constantDimensions: Int
  /// Of an embedding.
  public var dimensions: Int

  /// - Parameter embeddings: `[N, d]`, N at least 2, finite, of any length.
  public init(_ embeddings: Tensor) {
    require(
      embeddings.rank == 2 && embeddings.shape[0] >= 2,
      "the spread of embeddings needs two rows at least, and the shape is \(embeddings.shape)")
    let (count, width) = (embeddings.shape[0], embeddings.shape[1])
    meanCosine = Collapse(embeddings, groups: [Int](repeating: 0, count: count)).withinCosine!
    let deviations = Self.deviations(of: withoutGradient { embeddings.detached().normalised() })
    let even = 1 / Double(width).squareRoot()
    deviation = min(deviations.reduce(0, +) / Double(width) / even, 1)
    constantDimensions = deviations.count { $0 < 1e-3 * even }
    dimensions = width
  }

  /// All rows in nearly one direction, or hardly a dimension in which they differ.
  public var isCollapsed: Bool { meanCosine > 0.99 || constantDimensions * 10 > dimensions * 9 }

  private static func deviations(of rows: Tensor) -> [Double] {
    let (count, width) = (rows.shape[0], rows.shape[1])
    var mean = [Double](repeating: 0, count: width)
    var squares = mean
    rows.withUnsafeData { values in
      for row in 0..<count {
        for k in 0..<width { mean[k] += Double(values[row * width + k]) / Double(count) }
      }
      for row in 0..<count {
        for k in 0..<width {
          let difference = Double(values[row * width + k]) - mean[k]
          squares[k] += difference * difference
        }
      }
    }
    return squares.map { ($0 / Double(count)).squareRoot() }
  }
}
