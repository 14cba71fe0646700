import CKernels
import Foundation
import Tensors
import TestSupport
import Testing

/// The kernels that do several things in one pass, against the ones that do one each.
@Suite("Fused kernels of a transformer's block")
struct KernelTransformerTests {
  /// Widths below, at and beyond what fits the registers; masks that cross a block of the counter.
  static let widths = [1, 7, 15, 16, 17, 33, 50, 65, 80, 96, 97, 200]
  static let offsets: [UInt64] = [0, 12_345, (1 << 32) - 100, (1 << 32) - 7]
  private let key: UInt64 = 77
  private let threshold: UInt32 = 1 << 30
  private let scale: Float = 4.0 / 3

  private func dropped(_ x: [Float], _ offset: UInt64, _ threshold: UInt32) -> [Float] {
    var y = x
    ck_dropout(x.count, key, offset, threshold, threshold == 0 ? 1 : scale, x, &y)
    return y
  }

  @Test("softmax with dropout and scales of the rows, and its gradient", arguments: kernelLevels)
  func softmax(_ level: Int32) {
    withLevel(level) {
      for width in Self.widths {
        for (offset, threshold) in Self.offsets.map({ ($0, threshold) }) + [(3, 0)] {
          let rows = 5
          let (x, dy) = (normals(rows * width, 4, seed: 3), normals(rows * width, seed: 4))
          let rowScales: [Float] = [1, 0, 1.25, 2, 0.5]
          var expected = x
          for row in 0..<rows {
            var part = Array(x[row * width..<(row + 1) * width])
            ck_softmax_rows(1, width, 0.3 * rowScales[row], part, &part)
            expected.replaceSubrange(row * width..<(row + 1) * width, with: part)
          }
          let expectedDropped = dropped(expected, offset, threshold)
          let keep = threshold == 0 ? 1 : scale
          var (y, z) = (x, x)
          ck_softmax_dropout_rows(rows, width, 0.3, rowScales, x, key, offset, threshold, keep, &y, &z)
          #expect(relativeError(y, expected.map(Double.init)) < 1e-6, "width \(width)")
          #expect(
            relativeError(z, expectedDropped.map(Double.init)) < 1e-6, "width \(width), offset \(offset)")
          #expect(zip(z, expectedDropped).allSatisfy { ($0 == 0) == ($1 == 0) })

          var inPlace = x
          inPlace.withUnsafeMutableBufferPointer {
            let p = $0.baseAddress!
            ck_softmax_dropout_rows(rows, width, 0.3, rowScales, p, key, offset, threshold, keep, p, p)
          }
          #expect(inPlace == z)

          // d(softmax(a x))/dx = a softmax'(a x), through the mask.
          var (slopes, dx) = (dropped(dy, offset, threshold), dy)
          for row in 0..<rows {
            let range = row * width..<(row + 1) * width
            var part = Array(slopes[range])
            ck_softmax_gradient_rows(1, width, 0.3 * rowScales[row], Array(expected[range]), part, &part)
            slopes.replaceSubrange(range, with: part)
          }
          ck_softmax_dropout_gradient_rows(rows, width, 0.3, rowScales, y, z, dy, &dx)
          #expect(largestDifference(dx, slopes.map(Double.init)) < 2e-6, "width \(width)")
        }
      }
    }
  }

  @Test("a row of scores that are not finite gives what softmax gives", arguments: kernelLevels)
  func notFinite(_ level: Int32) {
    withLevel(level) {
      for bad in [Float.nan, -.infinity] {
        for width in [3, 65, 120] {
          for place in [0, width - 1] {
            var x = normals(width, seed: 1)
            x[place] = bad
            var (y, z, expected) = (x, x, x)
            ck_softmax_rows(1, width, 1, x, &expected)
            ck_softmax_dropout_rows(1, width, 1, nil, x, key, 0, 0, 1, &y, &z)
            #expect(zip(y, expected).allSatisfy { ($0.isNaN && $1.isNaN) || abs($0 - $1) < 1e-6 })
            #expect(bad.isNaN ? y.allSatisfy(\.isNaN) : y[place] == 0)
          }
        }
      }
    }
  }

  @Test("bias, GELU and dropout, and their gradient", arguments: kernelLevels)
  func gelu(_ level: Int32) {
    withLevel(level) {
      for width in Self.widths {
        for (offset, threshold) in Self.offsets.map({ ($0, threshold) }) + [(3, 0)] {
          let rows = 4
          let count = rows * width
          let (x, bias, dz) = (normals(count, 2, seed: 5), normals(width, seed: 6), normals(count, seed: 7))
          let keep = threshold == 0 ? 1 : scale
          var (before, activation) = (x, x)
          ck_add_row(rows, width, x, bias, &before)
          ck_gelu(count, before, &activation)
          let expected = dropped(activation, offset, threshold)
          var (y, z) = (x, x)
          ck_bias_gelu_dropout_rows(rows, width, x, bias, key, offset, threshold, keep, &y, &z)
          #expect(y == before && z == expected, "width \(width), offset \(offset)")

          var slopes = dropped(dz, offset, threshold)
          ck_gelu_gradient(count, before, slopes, &slopes)
          var (again, dx) = (x, dz)
          ck_gelu_dropout_gradient(count, key, offset, threshold, keep, before, dz, &again, &dx)
          #expect(
            again == expected && relativeError(dx, slopes.map(Double.init)) < 1e-6,
            "width \(width), offset \(offset)")
        }
      }
    }
  }

  @Test("layer normalisation from the statistics that were kept", arguments: kernelLevels)
  func layerNormAgain(_ level: Int32) {
    withLevel(level) {
      for width in Self.widths {
        let (x, scale, shift) = (
          normals(3 * width, seed: 8), normals(width, seed: 9), normals(width, seed: 10)
        )
        var (y, again) = (x, x)
        var (mean, inverse) = ([Float](repeating: 0, count: 3), [Float](repeating: 0, count: 3))
        ck_layer_norm_rows(3, width, x, scale, shift, 1e-5, &y, &mean, &inverse)
        ck_layer_norm_again_rows(3, width, x, scale, shift, mean, inverse, &again)
        #expect(y == again)
      }
    }
  }
}
