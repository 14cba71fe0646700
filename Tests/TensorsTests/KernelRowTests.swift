import CKernels
import Foundation
import Tensors
import TestSupport
import Testing

@Suite("Reductions, rows and random kernels")
struct KernelRowTests {
  static let widths = [1, 2, 7, 8, 15, 16, 17, 33, 64, 65, 100, 256]

  @Test("sums", arguments: kernelLevels)
  func sums(_ level: Int32) {
    withLevel(level) {
      for count in [0, 1, 5, 16, 63, 64, 65, 1023, 1024, 1025, 70_001] {
        let (a, b) = (normals(count, seed: 1), normals(count, seed: 2))
        let scale = max(1, Double(count).squareRoot())
        #expect(abs(Double(ck_sum(count, a)) - a.reduce(0) { $0 + Double($1) }) < 2e-6 * scale)
        #expect(
          abs(Double(ck_dot(count, a, b)) - zip(a, b).reduce(0) { $0 + Double($1.0) * Double($1.1) }) < 2e-6
            * scale)
      }
      // A long sum of one sign keeps its digits.
      #expect(abs(ck_sum(1 << 22, [Float](repeating: 0.1, count: 1 << 22)) / 419_430.4 - 1) < 1e-6)
    }
  }

  @Test("softmax, log-softmax and log-sum-exp with their gradients", arguments: kernelLevels)
  func softmax(_ level: Int32) {
    withLevel(level) {
      for width in Self.widths {
        let rows = 3
        let (x, dy) = (normals(rows * width, 5, seed: 3), normals(rows * width, seed: 4))
        var (y, dx) = ([Float](repeating: 0, count: x.count), [Float](repeating: 0, count: x.count))
        var (logs, dLogs, total) = (y, dx, [Float](repeating: 0, count: rows))
        ck_softmax_rows(rows, width, 0.7, x, &y)
        ck_softmax_gradient_rows(rows, width, 0.7, y, dy, &dx)
        ck_log_softmax_rows(rows, width, x, &logs)
        ck_log_softmax_gradient_rows(rows, width, logs, dy, &dLogs)
        ck_logsumexp_rows(rows, width, x, &total)
        for row in 0..<rows {
          let range = row * width..<(row + 1) * width
          let (v, u) = (x[range].map(Double.init), dy[range].map(Double.init))
          func probabilities(_ scale: Double) -> [Double] {
            let high = v.map { $0 * scale }.max()!
            let e = v.map { exp($0 * scale - high) }
            return e.map { $0 / e.reduce(0, +) }
          }
          let (p, q) = (probabilities(0.7), probabilities(1))
          let inner = zip(p, u).reduce(0) { $0 + $1.0 * $1.1 }
          let lse = v.max()! + log(v.reduce(0) { $0 + exp($1 - v.max()!) })
          #expect(relativeError(Array(y[range]), p) < 1e-6)
          // Relative to the upstream gradient: where one probability is nearly 1 all slopes are nearly 0.
          let slopes = zip(p, u).map { 0.7 * $0 * ($1 - inner) }
          let scale = u.reduce(1) { max($0, abs($1)) }
          #expect(zip(dx[range], slopes).allSatisfy { abs(Double($0) - $1) < 1e-6 * scale })
          #expect(relativeError(Array(logs[range]), v.map { $0 - lse }) < 1e-6)
          #expect(relativeError(Array(dLogs[range]), zip(q, u).map { $1 - $0 * u.reduce(0, +) }) < 3e-6)
          #expect(abs(Double(total[row]) - lse) < 1e-6 * max(1, abs(lse)))
        }
      }
      var far: [Float] = [1000, -1000, 998]
      ck_softmax_rows(1, 3, 1, far, &far)
      #expect(abs(far[0] - 0.880797) < 1e-6 && far[1] == 0)
    }
  }

  @Test("layer normalisation and its gradient", arguments: kernelLevels)
  func layerNorm(_ level: Int32) {
    withLevel(level) {
      for width in Self.widths.dropFirst(2) {
        let rows = 4
        let x = normals(rows * width, 2, seed: 5).map { $0 + 30 }
        let (scale, shift, dy) = (
          normals(width, seed: 6), normals(width, seed: 7), normals(rows * width, seed: 8)
        )
        var (y, dx) = ([Float](repeating: 0, count: x.count), [Float](repeating: 1, count: x.count))
        var (mean, inverse) = ([Float](repeating: 0, count: rows), [Float](repeating: 0, count: rows))
        var (dScale, dShift) = ([Float](repeating: 0, count: width), [Float](repeating: 0, count: width))
        ck_layer_norm_rows(rows, width, x, scale, shift, 1e-5, &y, &mean, &inverse)
        let residual = dx
        ck_layer_norm_gradient_rows(rows, width, x, scale, mean, inverse, dy, residual, &dx, &dScale, &dShift)
        var (expectY, expectX) = ([Double](), [Double]())
        var (expectScale, expectShift) = (
          [Double](repeating: 0, count: width), [Double](repeating: 0, count: width)
        )
        for row in 0..<rows {
          let v = (0..<width).map { Double(x[row * width + $0]) }
          let m = v.reduce(0, +) / Double(width)
          let s = 1 / (v.reduce(0) { $0 + ($1 - m) * ($1 - m) } / Double(width) + 1e-5).squareRoot()
          let standard = v.map { ($0 - m) * s }
          let g = (0..<width).map { Double(dy[row * width + $0]) * Double(scale[$0]) }
          let meanG = g.reduce(0, +) / Double(width)
          let meanGX = zip(g, standard).reduce(0) { $0 + $1.0 * $1.1 } / Double(width)
          for k in 0..<width {
            expectY.append(standard[k] * Double(scale[k]) + Double(shift[k]))
            expectX.append(1 + s * (g[k] - meanG - standard[k] * meanGX))
            expectScale[k] += Double(dy[row * width + k]) * standard[k]
            expectShift[k] += Double(dy[row * width + k])
          }
        }
        #expect(relativeError(y, expectY) < 2e-5)
        #expect(relativeError(dx, expectX) < 2e-5)
        #expect(relativeError(dScale, expectScale) < 2e-5)
        #expect(relativeError(dShift, expectShift) < 1e-6)
      }
    }
  }

  @Test("masks do not depend on the instruction set, nor on how an array is split")
  func masks() {
    let x = [Float](repeating: 1, count: 1000)
    let offset: UInt64 = (1 << 32) - 300  // the masks cross a block of the counter
    var reference: [Float]?
    for level in kernelLevels {
      withLevel(level) {
        var (whole, pieces) = (x, x)
        ck_dropout(1000, 42, offset, 1 << 30, 4.0 / 3, x, &whole)
        pieces.withUnsafeMutableBufferPointer { target in
          for (start, end) in [(0, 13), (13, 290), (290, 311), (311, 1000)] {
            ck_dropout(
              end - start, 42, offset + UInt64(start), 1 << 30, 4.0 / 3, x, target.baseAddress! + start)
          }
        }
        #expect(whole == pieces)
        #expect(reference == nil || reference == whole)
        reference = whole
        var sum = x
        ck_dropout_add(1000, 42, offset, 1 << 30, 4.0 / 3, x, x, &sum)
        #expect(sum == whole.map { $0 + 1 })
      }
    }
  }

  /// The numbers that masks are made of, in 64 steps of [0, 1): of the thresholds k / 64, how many an element passes.
  private func numbers(_ count: Int, key: UInt64) -> [Float] {
    var (passed, kept) = ([Float](repeating: 0.5, count: count), [Float](repeating: 0, count: count))
    let ones = [Float](repeating: 1, count: count)
    for k in 1..<64 {
      ck_dropout(count, key, 0, UInt32(k) << 26, 1, ones, &kept)
      ck_accumulate(count, 1, kept, &passed)
    }
    ck_scale_shift(count, passed, 1.0 / 64, 0, &kept)
    return kept
  }

  @Test("random numbers are uniform, and streams of neighbouring keys unrelated", arguments: kernelLevels)
  func uniform(_ level: Int32) {
    withLevel(level) {
      let count = 1 << 18
      let (a, b) = (numbers(count, key: 7), numbers(count, key: 8))
      var bins = [Double](repeating: 0, count: 64)
      for value in a { bins[Int(value * 64)] += 1 }
      let expected = Double(count) / 64
      let chiSquared = bins.reduce(0) { $0 + ($1 - expected) * ($1 - expected) / expected }
      #expect(chiSquared < 130, "63 degrees of freedom")
      func correlation(_ a: ArraySlice<Float>, _ b: ArraySlice<Float>) -> Double {
        zip(a, b).reduce(0) { $0 + (Double($1.0) - 0.5) * (Double($1.1) - 0.5) } * 12 / Double(a.count)
      }
      #expect(abs(correlation(a[...], b[...])) < 0.01)
      #expect(abs(correlation(a.dropLast(), a.dropFirst())) < 0.01)
    }
  }

  @Test("the contrastive losses' row work", arguments: kernelLevels)
  func contrastive(_ level: Int32) {
    withLevel(level) {
      for width in Self.widths {
        let x = normals(width, 20, seed: 9)
        let v = x.map(Double.init)
        var (maximum, sum): (Float, Float) = (-.infinity, 0)
        let half = width / 2
        x.withUnsafeBufferPointer {
          ck_logsum_append(half, $0.baseAddress, &maximum, &sum)
          ck_logsum_append(width - half, $0.baseAddress! + half, &maximum, &sum)
        }
        let lse = v.max()! + log(v.reduce(0) { $0 + exp($1 - v.max()!) })
        #expect(abs(Double(maximum) + log(Double(sum)) - lse) < 1e-6 * max(1, abs(lse)))
        var (value, slope): (Float, Float) = (0, 0)
        ck_attract_terms(width, x, 3, .infinity, &value, &slope)
        let exact = v.reduce(0) { $0 + max(3 - $1, 0) + log1p(exp(-abs(3 - $1))) }
        let exactSlope = v.reduce(0) { $0 + 1 / (1 + exp($1 - 3)) }
        #expect(abs(Double(value) - exact) <= 1e-6 * exact)
        #expect(abs(Double(slope) - exactSlope) <= 2e-6 * exactSlope)
      }
    }
  }
}
