import Basics
import Tensors

/// How far the points of a class lie from being one point of the sphere.
///
/// With u the embeddings scaled to unit length, n the size of a class, m its mean, and M the mean of all:
///
/// * within cosine: the mean of u_i . u_j over the pairs i != j of a class; 1 when it has
///   collapsed to a point.
/// * cosine to mean: the mean of u_i . m / |m| over the points of a class; 1 likewise.
/// * within variance: the mean of |u_i - m|^2; 0 likewise.
/// * share of within variance: the sum over all points of |u_i - m|^2 over that of |u_i - M|^2; 0 when every
///   class has collapsed, 1 when the classes' means coincide.
///
/// - Complexity: two passes over the embeddings: pairs are never formed, because the sum over pairs is `|sum
///   of u|^2 - n`.
public struct Collapse: Codable, Sendable, Equatable {
  /// One class, or one stratum.
  public struct Group: Codable, Sendable, Equatable {
    /// As given for it; its number where no name was given.
    public var name: String
    /// The number of its points, at least 1.
    public var count: Int
    /// In [-1, 1]; nil for a group of one point.
    public var withinCosine: Double?
    /// In [0, 1], which is the length of the mean; 1 for a group of one point.
    public var cosineToMean: Double
    /// In [0, 1]; 0 for a group of one point.
    public var withinVariance: Double
  }

  /// The groups that have points, in order.
  public var groups: [Group]
  /// In [-1, 1], the mean over groups of two points or more; nil when there is none.
  public var withinCosine: Double?
  /// In [0, 1], the mean over groups.
  public var cosineToMean: Double
  /// In [0, 1]; nil when all points coincide.
  public var withinVarianceShare: Double?

  /// - Parameters:
  ///   - embeddings: `[N, d]`, finite, of any length; rows of zeros stay zeros
  ///   - groups: the group of each row, from 0
  ///   - names: what the groups are called; numbers where it is shorter
  public init(_ embeddings: Tensor, groups assignment: [Int], names: [String] = []) {
    require(
      embeddings.rank == 2 && embeddings.shape[0] == assignment.count && !assignment.isEmpty
        && assignment.min()! >= 0,
      "collapse: \(assignment.count) groups for embeddings of shape \(embeddings.shape)")
    let unit = withoutGradient { embeddings.detached().normalised() }
    let sums = GroupSums(unit, assignment)
    groups = sums.counts.indices.filter { sums.counts[$0] > 0 }.map { group in
      let n = Double(sums.counts[group])
      let length = sums.squaredLength(group)
      let squares = sums.squares[group]
      // Unit rows are so to float32's precision, which may put a figure a little beyond its range.
      return Group(
        name: names.indices.contains(group) ? names[group] : String(group), count: sums.counts[group],
        withinCosine: n > 1 ? min(max((length - squares) / (n * (n - 1)), -1), 1) : nil,
        cosineToMean: min(length.squareRoot() / n, 1),
        withinVariance: min(max(squares / n - length / (n * n), 0), 1))
    }
    let several = groups.compactMap(\.withinCosine)
    withinCosine = several.isEmpty ? nil : several.reduce(0, +) / Double(several.count)
    cosineToMean = groups.reduce(0) { $0 + $1.cosineToMean } / Double(groups.count)
    let within = groups.reduce(0) { $0 + $1.withinVariance * Double($1.count) }
    let total = sums.squares.reduce(0, +) - sums.totalSquaredLength / Double(assignment.count)
    withinVarianceShare = total > 1e-9 * Double(assignment.count) ? min(within / total, 1) : nil
  }
}

/// For each group its size, the sum of its rows, and the sum of their squared lengths, in double precision.
private struct GroupSums {
  var counts: [Int]
  var squares: [Double]
  private var sums: [Double]
  private let width: Int

  init(_ rows: Tensor, _ assignment: [Int]) {
    let groups = assignment.max()! + 1
    let width = rows.shape[1]
    self.width = width
    var counts = [Int](repeating: 0, count: groups)
    var squares = [Double](repeating: 0, count: groups)
    var sums = [Double](repeating: 0, count: groups * width)
    rows.withUnsafeData { values in
      for (row, group) in assignment.enumerated() {
        counts[group] += 1
        for k in 0..<width {
          let value = Double(values[row * width + k])
          sums[group * width + k] += value
          squares[group] += value * value
        }
      }
    }
    (self.counts, self.squares, self.sums) = (counts, squares, sums)
  }

  func squaredLength(_ group: Int) -> Double {
    sums[(group * width)..<((group + 1) * width)].reduce(0) { $0 + $1 * $1 }
  }

  var totalSquaredLength: Double {
    (0..<width).reduce(0) { total, k in
      let sum = counts.indices.reduce(0.0) { $0 + sums[$1 * width + k] }
      return total + sum * sum
    }
  }
}
