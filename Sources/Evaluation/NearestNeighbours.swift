import Basics
import Tensors

/// Classification by the most similar training embeddings, by cosine.
public enum NearestNeighbours {
  /// The class that most of the `k` nearest training points have; among equals, the one whose points are more
  /// similar in sum.
  ///
  /// - Parameters:
  ///   - queries: `[M, d]`
  ///   - training: `[N, d]`
  ///   - labels: N classes from 0
  ///   - k: neighbours that vote; all of them when there are fewer
  /// - Complexity: 2 M N d operations; memory of one tile of similarities a core, never M x N.
  public static func predict(_ queries: Tensor, training: Tensor, labels: [Int], k: Int = 20) -> [Int] {
    require(
      queries.rank == 2 && training.rank == 2 && queries.shape[1] == training.shape[1]
        && training.shape[0] == labels.count && !labels.isEmpty && k >= 1,
      "k-NN: queries \(queries.shape), training \(training.shape), \(labels.count) labels, k = \(k)")
    let (u, v) = withoutGradient { (queries.detached().normalised(), training.detached().normalised()) }
    let (count, width) = (queries.shape[0], queries.shape[1])
    let neighbours = min(k, labels.count)
    let classes = labels.max()! + 1
    let (tileRows, tileColumns) = (64, 2048)
    var predictions = [Int](repeating: 0, count: count)
    predictions.withUnsafeMutableBufferPointer { predictions in
      Parallel.forEach((count + tileRows - 1) / tileRows) { tiles in
        withScratch(tileRows * tileColumns) { similarities in
          for tile in tiles {
            let rows = tile * tileRows..<min((tile + 1) * tileRows, count)
            var best = rows.map { _ in Nearest(neighbours) }
            for start in stride(from: 0, to: labels.count, by: tileColumns) {
              let columns = min(tileColumns, labels.count - start)
              BLAS.gemm(
                transposeB: true, m: rows.count, n: columns, k: width, a: u.pointer + rows.lowerBound * width,
                lda: width,
                b: v.pointer + start * width, ldb: width, c: similarities, ldc: columns)
              for i in best.indices {
                best[i].offer(
                  UnsafeBufferPointer(start: similarities + i * columns, count: columns), from: start)
              }
            }
            for (i, row) in rows.enumerated() { predictions[row] = best[i].vote(labels, classes: classes) }
          }
        }
      }
    }
    return predictions
  }
}

/// The most similar points seen so far, most similar first; of equal ones the earlier.
private struct Nearest {
  private var points: [(similarity: Float, place: Int)] = []
  private let capacity: Int

  init(_ capacity: Int) {
    self.capacity = capacity
    points.reserveCapacity(capacity + 1)
  }

  mutating func offer(_ similarities: UnsafeBufferPointer<Float>, from start: Int) {
    var threshold = points.count < capacity ? -Float.infinity : points[capacity - 1].similarity
    for (i, similarity) in similarities.enumerated() where similarity > threshold || points.count < capacity {
      var place = points.count
      while place > 0 && points[place - 1].similarity < similarity { place -= 1 }
      points.insert((similarity, start + i), at: place)
      if points.count > capacity { points.removeLast() }
      if points.count == capacity { threshold = points[capacity - 1].similarity }
    }
  }

  func vote(_ labels: [Int], classes: Int) -> Int {
    var votes = [(count: Int, similarity: Float)](repeating: (0, 0), count: classes)
    for point in points {
      votes[labels[point.place]].count += 1
      votes[labels[point.place]].similarity += point.similarity
    }
    return votes.indices.max {
      (votes[$0].count, votes[$0].similarity) < (votes[$1].count, votes[$1].similarity)
    }!
  }
}
