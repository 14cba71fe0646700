import CKernels
import Foundation
import Testing

/// The instruction sets that this machine has.
let kernelLevels: [Int32] = (0...Int32(ck_best_level().rawValue)).map { $0 }

/// Runs `body` with the kernels of one instruction set on this thread.
func withLevel<R>(_ level: Int32, _ body: () throws -> R) rethrows -> R {
  precondition(ck_use_level_on_this_thread(level) == 0)
  defer { ck_use_level_on_this_thread(-1) }
  return try body()
}

typealias UnaryKernel = (Int, UnsafePointer<Float>?, UnsafeMutablePointer<Float>?) -> Void

func apply(_ kernel: UnaryKernel, _ x: [Float]) -> [Float] {
  [Float](unsafeUninitializedCapacity: x.count) { target, count in
    x.withUnsafeBufferPointer { kernel(x.count, $0.baseAddress, target.baseAddress) }
    count = x.count
  }
}

/// Floats over the whole range of bit patterns, infinities, nans and subnormal numbers among them: half a
/// million, or with SPREAD_LONG_TESTS four million.
private let sweepStep = ProcessInfo.processInfo.environment["SPREAD_LONG_TESTS"] == nil ? 8191 : 1021
private let sweep: [Float] = stride(from: 0, to: 1 << 32, by: sweepStep).map {
  Float(bitPattern: UInt32($0))
}

@Suite("Vectorised functions over the whole range")
struct KernelAccuracyTests {
  /// The error of each result in units in the last place of the right one, or relative to it.
  private func expectFunction(
    _ kernel: UnaryKernel, _ function: (Double) -> Double, ulp: Double = .infinity,
    relative: Double = .infinity,
    _ name: String
  ) {
    let results = apply(kernel, sweep)
    var (worstUlp, worstRelative, failures) = (0.0, 0.0, 0)
    for (x, y) in zip(sweep, results) {
      let exact = function(Double(x))
      let rounded = Float(exact)
      if rounded.isNaN || rounded.isInfinite {
        if !(rounded.isNaN ? y.isNaN : y == rounded) { failures += 1 }
        continue
      }
      let error = abs(Double(y) - exact)
      if !y.isFinite {
        // The last half unit before overflow may round either way.
        if abs(rounded) < Float.greatestFiniteMagnitude * 0.999999 { failures += 1 }
        continue
      }
      worstUlp = max(worstUlp, error / Double(max(rounded.ulp, Float.leastNonzeroMagnitude)))
      if abs(exact) > 1.2e-38 { worstRelative = max(worstRelative, error / abs(exact)) }
    }
    #expect(failures == 0, "\(name): \(failures) special results differ")
    #expect(worstUlp < ulp, "\(name): \(worstUlp) units in the last place")
    #expect(worstRelative < relative, "\(name): \(worstRelative) relative")
  }

  @Test("exp is within 2 ulp", arguments: kernelLevels)
  func exponential(_ level: Int32) { withLevel(level) { expectFunction(ck_exp, exp, ulp: 2, "exp") } }

  @Test("log is within 2 ulp", arguments: kernelLevels)
  func logarithm(_ level: Int32) { withLevel(level) { expectFunction(ck_log, log, ulp: 2, "log") } }

  @Test("sqrt is rounded correctly", arguments: kernelLevels)
  func squareRoot(_ level: Int32) {
    withLevel(level) { expectFunction(ck_sqrt, { $0.squareRoot() }, ulp: 0.5001, "sqrt") }
  }

  @Test("tanh is within 1e-6", arguments: kernelLevels)
  func hyperbolicTangent(_ level: Int32) {
    withLevel(level) { expectFunction(ck_tanh, tanh, relative: 1e-6, "tanh") }
  }

  @Test(
    "GELU and its slope, relative to what they are near 0 and absolute in the tail", arguments: kernelLevels)
  func gelu(_ level: Int32) {
    withLevel(level) {
      let finite = sweep.filter { $0.isFinite }
      let values = apply(ck_gelu, finite)
      let slopes = [Float](unsafeUninitializedCapacity: finite.count) { target, count in
        ck_gelu_gradient(finite.count, finite, [Float](repeating: 1, count: finite.count), target.baseAddress)
        count = finite.count
      }
      var (worst, worstTail, worstSlope) = (0.0, 0.0, 0.0)
      for (i, x) in finite.map(Double.init).enumerated() {
        let distribution = erfc(-x / 2.0.squareRoot()) / 2
        let exact = x * distribution
        let error = abs(Double(values[i]) - exact)
        if x > -5 {
          worst = max(worst, error / max(abs(exact), 1e-37))
        } else {
          worstTail = max(worstTail, error)
        }
        let density = abs(x) < 40 ? exp(-x * x / 2) / (2 * Double.pi).squareRoot() : 0
        worstSlope = max(worstSlope, abs(Double(slopes[i]) - (distribution + x * density)))
      }
      #expect(worst < 1e-6, "relative error above -5: \(worst)")
      #expect(worstTail < 1e-11, "absolute error below -5: \(worstTail)")
      #expect(worstSlope < 4e-7, "absolute error of the slope: \(worstSlope)")
      #expect(apply(ck_gelu, [.infinity, -.infinity, -20, 20]) == [.infinity, 0, 0, 20])
      #expect(apply(ck_gelu, [.nan])[0].isNaN)
    }
  }

  @Test("relu keeps nan, and a nan anywhere is not finite", arguments: kernelLevels)
  func relu(_ level: Int32) {
    withLevel(level) {
      #expect(apply(ck_relu, [-1, 0, 2, -.infinity, .infinity]) == [0, 0, 2, 0, .infinity])
      #expect(apply(ck_relu, [.nan])[0].isNaN)
      for place in 0..<40 {
        var x = (0..<40).map { Float($0 % 7) }
        x[place] = .nan
        #expect(ck_all_finite(40, x) == 0)
      }
    }
  }

  @Test("an element's result does not depend on where the array ends", arguments: kernelLevels)
  func ends(_ level: Int32) {
    withLevel(level) {
      let kernels: [UnaryKernel] = [ck_exp, ck_log, ck_sqrt, ck_tanh, ck_relu, ck_gelu]
      let x = (0..<70).map { Float($0) * 0.13 - 3.7 }
      for kernel in kernels {
        let alone = x.map { apply(kernel, [$0])[0].bitPattern }
        for count in 0...70 {
          #expect(apply(kernel, Array(x[..<count])).map(\.bitPattern) == Array(alone[..<count]))
          var inPlace = Array(x[..<count])
          inPlace.withUnsafeMutableBufferPointer { kernel(count, $0.baseAddress, $0.baseAddress) }
          #expect(inPlace.map(\.bitPattern) == Array(alone[..<count]))
        }
      }
    }
  }
}
