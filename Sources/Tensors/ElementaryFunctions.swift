import Basics
import CKernels

// Each is one pass over the elements; the gradient, one more. Error bounds stand with the kernels, in
// CKernels.h.

extension Tensor {
  /// e to the power of each element.
  public func exp() -> Tensor {
    let value = mapped(ck_exp)
    let saved = value.detached()
    return Tensor.record(value, from: [self]) { [$0 * saved] }
  }

  /// The natural logarithm; -inf at 0, nan below.
  public func log() -> Tensor {
    let saved = detached()
    return Tensor.record(mapped(ck_log), from: [self]) { [$0 / saved] }
  }

  /// The square root; nan below 0.
  public func sqrt() -> Tensor {
    let value = mapped(ck_sqrt)
    let saved = value.detached()
    return Tensor.record(value, from: [self]) { [($0 / saved) * 0.5] }
  }

  /// The hyperbolic tangent, in [-1, 1]. Its slope is `1 - y^2`, so only the result is kept.
  public func tanh() -> Tensor {
    let value = mapped(ck_tanh)
    let saved = value.detached()
    return Tensor.record(value, from: [self]) { [Tensor.combined(saved, $0, "tanh", ck_tanh_gradient)] }
  }

  /// The square of each element.
  public func squared() -> Tensor { self * self }

  /// `x Phi(x)`, Phi the normal distribution function (the exact form, with erf).
  /// - Source: Hendrycks and Gimpel 2016.
  public func gelu() -> Tensor {
    let saved = detached()
    return Tensor.record(mapped(ck_gelu), from: [self]) {
      [Tensor.combined(saved, $0, "gelu", ck_gelu_gradient)]
    }
  }

  /// `max(x, 0)`; the gradient at 0 is 0.
  public func relu() -> Tensor {
    let value = mapped(ck_relu)
    let saved = value.detached()
    return Tensor.record(value, from: [self]) { [Tensor.combined(saved, $0, "relu", ck_relu_gradient)] }
  }

  /// Each element is set to 0 with `probability`, the others are divided by `1 - probability`, so that the
  /// mean stays.
  ///
  /// Which ones depends on one value of the generator and the element's position only; no mask is kept.
  /// - Source: Srivastava et al. 2014.
  public func dropout(_ probability: Float, using generator: inout RandomGenerator) -> Tensor {
    let mask = DropoutMask(probability, using: &generator)
    guard mask.isActive else { return self }
    func masked(_ x: Tensor) -> Tensor {
      let result = Tensor.uninitialised(x.shape)
      Parallel.forEach(x.count, grain: elementwiseGrain) { range in
        let start = range.lowerBound
        mask.apply(range, x.pointer + start, result.pointer + start)
      }
      return result
    }
    return Tensor.record(masked(self), from: [self]) { [masked($0)] }
  }
}

/// Which elements a dropout keeps: a function of a key and the element's position.
package struct DropoutMask: Sendable {
  package let key: UInt64
  package let threshold: UInt32
  package let scale: Float

  package init(_ probability: Float, using generator: inout RandomGenerator) {
    require(probability >= 0 && probability < 1, "dropout probability \(probability) is not in [0, 1)")
    key = generator.next()
    threshold = UInt32(Double(probability) * 0x1p32)
    scale = 1 / (1 - probability)
  }

  /// Keeps every element.
  package static let none = DropoutMask()

  private init() { (key, threshold, scale) = (0, 0, 1) }

  package var isActive: Bool { threshold > 0 }

  /// `y = keep ? x * scale : 0` for the elements at positions `range`; `x` and `y` point at the first of
  /// them.
  package func apply(_ range: Range<Int>, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>) {
    ck_dropout(range.count, key, UInt64(range.lowerBound), threshold, scale, x, y)
  }
}
