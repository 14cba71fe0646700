import Basics
import CKernels

// Row operations over the last axis, each one node: the gradient needs the result only.

extension Tensor {
  /// `exp(x) / sum(exp(x))` along the last axis, shifted by the row's maximum.
  public func softmax() -> Tensor {
    let value = mappedRows { ck_softmax_rows($0, $1, 1, $2, $3) }
    let saved = value.detached()
    return Tensor.record(value, from: [self]) { upstream in
      [saved.mappedRows(with: upstream) { ck_softmax_gradient_rows($0, $1, 1, $2, $3, $4) }]
    }
  }

  /// The logarithm of the softmax along the last axis, without forming the softmax.
  public func logSoftmax() -> Tensor {
    let value = mappedRows(ck_log_softmax_rows)
    let saved = value.detached()
    return Tensor.record(value, from: [self]) { upstream in
      [saved.mappedRows(with: upstream, ck_log_softmax_gradient_rows)]
    }
  }

  /// `log(sum(exp(x)))` along the last axis, which is dropped; shifted by the row's maximum.
  public func logSumExp() -> Tensor {
    let (_, rows, columns, _) = split(at: -1)
    let value = Tensor.uninitialised(removing(rank - 1))
    Parallel.forEach(rows, grain: Swift.max(1, elementwiseGrain / Swift.max(1, columns))) { range in
      let start = range.lowerBound
      ck_logsumexp_rows(range.count, columns, pointer + start * columns, value.pointer + start)
    }
    let (saved, savedValue, keptShape) = (detached(), value.detached(), replacing(rank - 1, with: 1))
    return Tensor.record(value, from: [self]) { upstream in
      [(saved - savedValue.reshaped(keptShape)).exp() * upstream.reshaped(keptShape)]
    }
  }

  /// Layer normalisation over the last axis: `(x - mean) / sqrt(variance + epsilon) * scale + shift`.
  ///
  /// - Parameters:
  ///   - x: activations, `[..., width]`
  ///   - scale, shift: `[width]`
  ///   - epsilon: added to the variance
  /// - Returns: the shape of `x`.
  /// - Complexity: two passes over a row in cache, forward and backward; keeps a mean and an inverse
  ///   deviation a row.
  /// - Source: Ba, Kiros, Hinton 2016, equation 4.
  public static func layerNorm(_ x: Tensor, scale: Tensor, shift: Tensor, epsilon: Float = 1e-5) -> Tensor {
    let (_, rows, width, _) = x.split(at: -1)
    require(
      scale.shape == [width] && shift.shape == [width],
      "layerNorm: scale \(scale.shape) and shift \(shift.shape) do not fit x of shape \(x.shape)")
    let value = Tensor.uninitialised(x.shape)
    let (mean, inverseDeviation) = (Tensor.uninitialised([rows]), Tensor.uninitialised([rows]))
    Parallel.forEach(rows, grain: Swift.max(1, elementwiseGrain / Swift.max(1, width))) { range in
      let row = range.lowerBound
      ck_layer_norm_rows(
        range.count, width, x.pointer + row * width, scale.pointer, shift.pointer, epsilon,
        value.pointer + row * width, mean.pointer + row, inverseDeviation.pointer + row)
    }
    let (savedX, savedScale) = (x.detached(), scale.detached())
    return record(value, from: [x, scale, shift]) { upstream in
      let gradient = Tensor.uninitialised(savedX.shape)
      let sums = Tensor.zeros([2, width])
      sumOverRowBlocks(rows, width: 2 * width, into: sums.pointer) { row, count, sums in
        ck_layer_norm_gradient_rows(
          count, width, savedX.pointer + row * width, savedScale.pointer, mean.pointer + row,
          inverseDeviation.pointer + row, upstream.pointer + row * width, nil,
          gradient.pointer + row * width, sums, sums + width)
      }
      return [gradient, sums.sliced(0..<1).reshaped([width]), sums.sliced(1..<2).reshaped([width])]
    }
  }

  /// Rows (the last axis) scaled to unit length: `x / |x|`, of any finite length, however long or short.
  ///
  /// A row of zeros stays one, and its gradient is that of `x / epsilon`. A row with an infinity or a nan comes out
  /// with nan.
  /// - Complexity: two passes over a row in cache, forward and backward; keeps the result and the rows' lengths.
  public func normalised(epsilon: Float = 1e-12) -> Tensor {
    let (_, rows, columns, _) = split(at: -1)
    let grain = Swift.max(1, elementwiseGrain / Swift.max(1, columns))
    let value = Tensor.uninitialised(shape)
    var lengths = [Double](repeating: 0, count: rows)
    lengths.withUnsafeMutableBufferPointer { lengths in
      guard let target = lengths.baseAddress else { return }
      Parallel.forEach(rows, grain: grain) { range in
        let row = range.lowerBound
        ck_normalise_rows(
          range.count, columns, pointer + row * columns, epsilon, value.pointer + row * columns, target + row)
      }
    }
    let (saved, savedLengths) = (value.detached(), lengths)
    return Tensor.record(value, from: [self]) { upstream in
      let gradient = Tensor.uninitialised(saved.shape)
      savedLengths.withUnsafeBufferPointer { lengths in
        guard let source = lengths.baseAddress else { return }
        Parallel.forEach(rows, grain: grain) { range in
          let row = range.lowerBound
          ck_normalise_gradient_rows(
            range.count, columns, saved.pointer + row * columns, source + row,
            upstream.pointer + row * columns, gradient.pointer + row * columns)
        }
      }
      return [gradient]
    }
  }

  typealias RowKernel = (Int, Int, UnsafePointer<Float>, UnsafeMutablePointer<Float>) -> Void
  typealias RowGradientKernel = (
    Int, Int, UnsafePointer<Float>, UnsafePointer<Float>, UnsafeMutablePointer<Float>
  ) -> Void

  private func mappedRows(_ kernel: RowKernel) -> Tensor {
    let (_, rows, columns, _) = split(at: -1)
    let result = Tensor.uninitialised(shape)
    Parallel.forEach(rows, grain: Swift.max(1, elementwiseGrain / Swift.max(1, columns))) { range in
      let start = range.lowerBound * columns
      kernel(range.count, columns, pointer + start, result.pointer + start)
    }
    return result
  }

  private func mappedRows(with upstream: Tensor, _ kernel: RowGradientKernel) -> Tensor {
    let (_, rows, columns, _) = split(at: -1)
    let result = Tensor.uninitialised(shape)
    Parallel.forEach(rows, grain: Swift.max(1, elementwiseGrain / Swift.max(1, columns))) { range in
      let start = range.lowerBound * columns
      kernel(range.count, columns, pointer + start, upstream.pointer + start, result.pointer + start)
    }
    return result
  }
}
