import CKernels
import Tensors

// The two halves of a pre-norm transformer block, each one node that works through the batch in tiles of
// whole images: what lies between the branch's input and its output stays in a core's cache, but for what the
// backward pass needs.

/// How a branch comes back to its residual connection: dropout, stochastic depth, addition.
struct ResidualDropout: Sendable {
  private let mask: DropoutMask?
  /// 0 or `1 / (1 - p)` for each image.
  private let pathScales: [Float]?
  /// Elements of one image.
  private let imageCount: Int

  init(dropout: Float, path: DropPath, shape: [Int], _ pass: inout Pass) {
    mask = pass.isTraining && dropout > 0 ? DropoutMask(dropout, using: &pass.generator) : nil
    pathScales = path.scales(shape[0], &pass)
    imageCount = shape[1...].reduce(1, *)
  }

  /// `result = residual + pathScale * dropout(branch)` for some images.
  func add(
    _ images: Range<Int>, branch: UnsafePointer<Float>, residual: UnsafePointer<Float>,
    result: UnsafeMutablePointer<Float>
  ) {
    forEach(images) { start, position, scale in
      if let mask {
        ck_dropout_add(
          imageCount, mask.key, UInt64(position), mask.threshold, mask.scale * scale, branch + start,
          residual + start,
          result + start)
      } else {
        ck_scale_shift(imageCount, branch + start, scale, 0, result + start)
        ck_add(imageCount, result + start, residual + start, result + start)
      }
    }
  }

  /// The gradient with respect to the branch.
  func backward(_ images: Range<Int>, upstream: UnsafePointer<Float>, branch: UnsafeMutablePointer<Float>) {
    forEach(images) { start, position, scale in
      if let mask {
        ck_dropout(
          imageCount, mask.key, UInt64(position), mask.threshold, mask.scale * scale, upstream + start,
          branch + start)
      } else {
        ck_scale_shift(imageCount, upstream + start, scale, 0, branch + start)
      }
    }
  }

  private func forEach(_ images: Range<Int>, _ body: (_ start: Int, _ position: Int, _ scale: Float) -> Void)
  {
    for image in images {
      body((image - images.lowerBound) * imageCount, image * imageCount, pathScales?[image] ?? 1)
    }
  }
}

/// Tiles of whole images over the cores.
struct ImageTiles: Sendable {
  let images: Int
  let imagesPerTile: Int
  // Settled when made: sums with a place for each part must not meet another number of threads.
  let partCount: Int

  /// Rows of a tile, about.
  static let rows = 520

  init(images: Int, positions: Int, rows: Int = ImageTiles.rows) {
    self.images = images
    imagesPerTile = max(1, min(images, rows / max(1, positions)))
    partCount = max(1, min(Parallel.threadCount, images))
  }

  /// Calls `body` with each core's images and its number among `partCount`.
  func forEachPart(_ body: (_ part: Int, _ tiles: [Range<Int>]) -> Void) {
    let parts = partCount
    Parallel.forEach(parts) { range in
      for part in range {
        let mine = part * images / parts..<(part + 1) * images / parts
        let tiles = stride(from: mine.lowerBound, to: mine.upperBound, by: imagesPerTile).map {
          $0..<min($0 + imagesPerTile, mine.upperBound)
        }
        body(part, tiles)
      }
    }
  }
}

extension Tensor {
  /// Consecutive pieces of a flat tensor, in the given shapes, without a copy.
  func pieces(_ shapes: [[Int]]) -> [Tensor] {
    let flat = reshaped([-1])
    var start = 0
    return shapes.map { shape in
      let count = shape.reduce(1, *)
      defer { start += count }
      return flat.sliced(start..<(start + count)).reshaped(shape)
    }
  }
}
