import CKernels
import Foundation
import Testing

@testable import Tensors

/// Scaling rows to unit length must not depend on their length: against double precision, on each instruction set.
@Suite("Rows of any length, scaled to unit length")
struct UnitRowTests {
  /// From the smallest positive float to nearly the largest.
  static let sizes: [Double] = [
    1e-45, 1e-42, 1e-38, 1e-30, 1e-25, 1e-20, 1e-13, 9.3e-13, 1e-12, 1e-6, 1, 1e6, 1e12, 1.1e12, 1e19, 1e25,
    1e30,
    1e38, 3.3e38,
  ]
  static let widths = [1, 3, 16, 64, 131]

  private static func row(_ width: Int, size: Double) -> [Float] {
    (0..<width).map { Float(size * cos(1.7 * Double($0) + 0.2)) }
  }

  private static func length(_ row: [Float]) -> Double {
    row.reduce(0) { $0 + Double($1) * Double($1) }.squareRoot()
  }

  @Test(arguments: kernelLevels) func forward(level: Int32) {
    withLevel(level) {
      for width in Self.widths {
        let rows = Self.sizes.map { Self.row(width, size: $0) }
        let unit = Tensor(rows.flatMap { $0 }, shape: [rows.count, width]).normalised()
        for (index, row) in rows.enumerated() where Self.length(row) > 0 {
          for k in 0..<width {
            let expected = Double(row[k]) / Self.length(row)
            #expect(abs(Double(unit[index, k]) - expected) < 1e-6, "\(Self.sizes[index]) in \(width)")
          }
        }
      }
    }
  }

  /// `(g - u (u . g)) / |x|`, for lengths and upstream gradients far from 1; a gradient beyond float32 is infinite
  /// and never nan.
  @Test(arguments: kernelLevels) func gradient(level: Int32) {
    withLevel(level) {
      for width in Self.widths {
        for size in Self.sizes {
          for upstream in [1e-8, 1, 1e8] {
            let row = Self.row(width, size: size)
            guard Self.length(row) > 0 else { continue }
            let g = (0..<width).map { Float(upstream * sin(2.3 * Double($0) + 1)) }
            let x = Tensor(row, shape: [1, width])
            x.requiresGradient = true
            (x.normalised() * Tensor(g, shape: [1, width])).sum().backward()
            let length = Self.length(row)
            let along = zip(row, g).reduce(0) { $0 + Double($1.0) / length * Double($1.1) }
            let largest = upstream / length
            for k in 0..<width {
              let expected = (Double(g[k]) - Double(row[k]) / length * along) / length
              let found = x.gradient![0, k]
              #expect(!found.isNaN, "\(size) in \(width)")
              guard largest * 4 < Double(Float.greatestFiniteMagnitude) else { continue }
              let tolerance = 2e-6 * largest + 2 * Double(Float.leastNonzeroMagnitude)
              #expect(abs(Double(found) - expected) <= tolerance, "\(size), \(upstream) in \(width)")
            }
          }
        }
      }
    }
  }

  @Test(arguments: kernelLevels) func zerosStayAndWhatIsNotFiniteShows(level: Int32) {
    withLevel(level) {
      let x = Tensor([0, -0, 0, 3, .infinity, 1, 2, .nan, 1, 3, 0, 4], shape: [4, 3])
      x.requiresGradient = true
      let unit = x.normalised()
      #expect(unit.scalars()[..<3].allSatisfy { $0 == 0 })
      #expect(unit[1, 1].isNaN && (0..<3).allSatisfy { unit[2, $0].isNaN })
      #expect(abs(unit[3, 0] - 0.6) < 1e-6 && unit[3, 1] == 0 && abs(unit[3, 2] - 0.8) < 1e-6)
      (unit.sliced(0..<1) * Tensor([1, 2, 3], shape: [1, 3])).sum().backward()
      #expect(zip(x.gradient!.scalars(), [1e12, 2e12, 3e12]).allSatisfy { abs($0 / $1 - 1) < 1e-5 })
    }
  }

  @Test func noRowsAndNoColumns() {
    #expect(Tensor.zeros([0, 3]).normalised().shape == [0, 3])
    #expect(Tensor.zeros([3, 0]).normalised().shape == [3, 0])
  }

  @Test func theFirstRowThatIsNotFiniteIsFound() {
    #expect(Tensor([1, 2, 3, 4], shape: [2, 2]).firstRowNotFinite == nil)
    #expect(Tensor([1, 2, 3, .nan, .infinity, 0], shape: [3, 2]).firstRowNotFinite == 1)
  }
}
