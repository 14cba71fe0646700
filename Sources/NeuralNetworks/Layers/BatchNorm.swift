import Basics
import CKernels
import Tensors

/// Batch normalisation of each channel (the last axis): `(x - mean) / sqrt(variance + epsilon) * weight +
/// bias`.
///
/// In training, mean and variance are the batch's, and the running statistics move towards them by `momentum`
/// (the variance's unbiased form, as PyTorch has it); in evaluation they are the running ones.
///
/// Members: `weight` (1 at first), `bias` (0), and the buffers `running_mean` (0), `running_var` (1); each
/// `[channels]`.
/// - Source: Ioffe and Szegedy 2015.
public final class BatchNorm2d: Layer {
  /// The scale, `[channels]`, 1 at first.
  public let weight: Tensor
  /// The shift, `[channels]`, 0 at first.
  public let bias: Tensor
  /// `[channels]`, 0 at first. Changed in place by every pass in training.
  public let runningMean: Tensor
  /// `[channels]`, 1 at first; likewise. Unbiased, where the batch is normalised by its biased variance.
  public let runningVariance: Tensor
  /// The share of the batch's statistics in the new running ones; the old ones keep `1 - momentum`.
  public let momentum: Float
  /// Added to the variance, so that a channel that never changes is not divided by 0.
  public let epsilon: Float

  /// For `channels` values on the last axis, at least 1. The defaults are PyTorch's.
  public init(_ channels: Int, momentum: Float = 0.1, epsilon: Float = 1e-5) {
    require(channels > 0, "batch normalisation of \(channels) channels")
    weight = parameter(.ones([channels]))
    bias = parameter(.zeros([channels]))
    runningMean = .zeros([channels])
    runningVariance = .ones([channels])
    self.momentum = momentum
    self.epsilon = epsilon
  }

  public var members: [Member] {
    [
      .parameter("weight", weight), .parameter("bias", bias), .buffer("running_mean", runningMean),
      .buffer("running_var", runningVariance),
    ]
  }

  /// - Parameter x: `[..., channels]`
  /// - Returns: the same shape.
  public func callAsFunction(_ x: Tensor, _ pass: inout Pass) -> Tensor { self(x, relu: false, &pass) }

  /// `norm(x)`, plus `residual`, then the positive part if `relu`: one node.
  ///
  /// - Parameters:
  ///   - x: `[..., channels]`
  ///   - residual: of the same shape
  /// - Complexity: three reads of `x` and one write forward (two in evaluation); backward reads `x`, the
  ///   upstream gradient and, with `relu`, the result, twice each. Keeps `x` and, with `relu`, the result.
  public func callAsFunction(
    _ x: Tensor, adding residual: Tensor? = nil, relu: Bool, _ pass: inout Pass
  ) -> Tensor {
    require(
      x.rank >= 1 && x.shape.last == weight.count && (residual == nil || residual!.shape == x.shape),
      "batch normalisation of \(weight.count) channels does not fit x of shape \(x.shape)"
        + (residual.map { " with a residual of shape \($0.shape)" } ?? ""))
    let statistics =
      pass.isTraining
      ? ChannelStatistics(of: x)
      : ChannelStatistics(mean: runningMean.scalars(), variance: runningVariance.scalars())
    if pass.isTraining { updateRunningStatistics(statistics, count: x.count / weight.count) }
    let node = BatchNormNode(
      x, scale: weight, statistics: statistics, epsilon: epsilon, ofBatch: pass.isTraining,
      hasResidual: residual != nil)
    let result = node.forward(shift: bias, residual: residual, relu: relu)
    let output = relu ? result.detached() : nil
    return Tensor.record(result, from: [x, weight, bias] + (residual.map { [$0] } ?? [])) { upstream in
      node.backward(upstream, output: output)
    }
  }

  private func updateRunningStatistics(_ statistics: ChannelStatistics, count: Int) {
    require(
      count > 1, "batch normalisation in training needs more than one value a channel; there is \(count)")
    let correction = Double(count) / Double(count - 1)
    let share = Double(momentum)
    func move(_ running: Tensor, to batch: [Double]) {
      running.withUnsafeMutableData { values in
        for c in values.indices { values[c] = Float((1 - share) * Double(values[c]) + share * batch[c]) }
      }
    }
    move(runningMean, to: statistics.mean)
    move(runningVariance, to: statistics.variance.map { $0 * correction })
  }
}

/// Mean and biased variance of each channel.
struct ChannelStatistics: Sendable {
  var mean: [Double]
  var variance: [Double]

  init(mean: [Float], variance: [Float]) {
    self.mean = mean.map(Double.init)
    self.variance = variance.map(Double.init)
  }

  /// Each block's mean, then its squared deviations while it is in the cache; blocks are joined by Chan's
  /// formula, in order.
  init(of x: Tensor) {
    let channels = x.shape[x.rank - 1]
    let blocks = ChannelBlocks(rows: x.count / channels, channels: channels)
    let sums = blocks.sums { rows, target in
      let source = x.pointer + rows.lowerBound * channels
      ck_accumulate_rows(rows.count, channels, source, target)
      ck_scale_shift(channels, target, 1 / Float(rows.count), 0, target)
      ck_squared_deviation_rows(rows.count, channels, source, target, target + channels)
    }
    var mean = [Double](repeating: 0, count: channels)
    var variance = mean
    var seen = 0.0
    sums.withUnsafeData { sums in
      for block in 0..<blocks.count {
        let rows = Double(blocks.rows(block).count)
        let share = rows / (seen + rows)
        for c in 0..<channels {
          let difference = Double(sums[2 * block * channels + c]) - mean[c]
          mean[c] += difference * share
          let deviation = Double(sums[(2 * block + 1) * channels + c])
          variance[c] += deviation + difference * difference * seen * share
        }
        seen += rows
      }
    }
    for c in 0..<channels { variance[c] /= max(1, seen) }
    (self.mean, self.variance) = (mean, variance)
  }
}

/// Blocks of rows whose sums are kept apart: they do not depend on the threads, nor does, then, what is
/// computed from them.
struct ChannelBlocks: Sendable {
  let totalRows: Int
  let channels: Int
  let rowsPerBlock: Int

  init(rows: Int, channels: Int) {
    totalRows = rows
    self.channels = channels
    rowsPerBlock = max(1, min(512, 65_536 / channels))
  }

  var count: Int { (totalRows + rowsPerBlock - 1) / rowsPerBlock }

  func rows(_ block: Int) -> Range<Int> {
    block * rowsPerBlock..<min(totalRows, (block + 1) * rowsPerBlock)
  }

  /// Two sums a channel for each block, `[count, 2, channels]`: `body` adds a block's rows to zeros.
  func sums(_ body: (_ rows: Range<Int>, _ sums: UnsafeMutablePointer<Float>) -> Void) -> Tensor {
    let result = Tensor.zeros([count, 2, channels])
    overCores { block in body(rows(block), result.pointer + 2 * block * channels) }
    return result
  }

  /// Calls `body` with the number of each block, over the cores.
  func overCores(_ body: (_ block: Int) -> Void) {
    Parallel.forEach(count, grain: 1 + elementwiseGrain / (rowsPerBlock * channels)) { blocks in
      for block in blocks { body(block) }
    }
  }
}

private struct BatchNormNode: Sendable {
  let x: Tensor
  let scale: Tensor
  /// `[channels]`, as float32, for the kernels.
  let mean: Tensor
  let inverseDeviation: [Double]
  /// The statistics depend on `x`.
  let ofBatch: Bool
  let hasResidual: Bool
  let needsInput: Bool

  init(
    _ x: Tensor, scale: Tensor, statistics: ChannelStatistics, epsilon: Float, ofBatch: Bool,
    hasResidual: Bool
  ) {
    self.x = x.detached()
    self.scale = scale.detached()
    self.ofBatch = ofBatch
    self.hasResidual = hasResidual
    needsInput = x.requiresGradient
    mean = Tensor(statistics.mean.map { Float($0) })
    inverseDeviation = statistics.variance.map { 1 / ($0 + Double(epsilon)).squareRoot() }
  }

  private var channels: Int { scale.count }
  private var blocks: ChannelBlocks { ChannelBlocks(rows: x.count / channels, channels: channels) }

  func forward(shift: Tensor, residual: Tensor?, relu: Bool) -> Tensor {
    let result = Tensor.uninitialised(x.shape)
    let factor = Tensor(zip(scale.scalars(), inverseDeviation).map { Float(Double($0) * $1) })
    blocks.overCores { block in
      let rows = blocks.rows(block)
      let start = rows.lowerBound * channels
      ck_batch_norm_rows(
        rows.count, channels, x.pointer + start, mean.pointer, factor.pointer, shift.pointer,
        residual.map { UnsafePointer($0.pointer + start) }, relu ? 1 : 0, result.pointer + start)
    }
    return result
  }

  /// The gradients of x, scale, shift and the residual.
  ///
  /// With `g` the upstream gradient behind the ReLU and `s` the inverse deviation: `dx = scale s (g - mean(g)
  /// - z mean(g z))`, `z = s (x - mean)`; the means are absent where the statistics are not the batch's.
  func backward(_ upstream: Tensor, output: Tensor?) -> [Tensor?] {
    let sums = blocks.sums { rows, target in
      let start = rows.lowerBound * channels
      ck_batch_norm_sums_rows(
        rows.count, channels, x.pointer + start, mean.pointer,
        output.map { UnsafePointer($0.pointer + start) },
        upstream.pointer + start, target, target + channels)
    }
    var (dShift, dScale) = ([Double](repeating: 0, count: channels), [Double](repeating: 0, count: channels))
    sums.withUnsafeData { sums in
      for block in 0..<blocks.count {
        for c in 0..<channels {
          dShift[c] += Double(sums[2 * block * channels + c])
          dScale[c] += Double(sums[(2 * block + 1) * channels + c])
        }
      }
    }
    for c in 0..<channels { dScale[c] *= inverseDeviation[c] }
    let (dx, dResidual) = inputGradients(upstream, output, dShift, dScale)
    return [dx, Tensor(dScale.map { Float($0) }), Tensor(dShift.map { Float($0) })]
      + (hasResidual ? [dResidual] : [])
  }

  private func inputGradients(
    _ upstream: Tensor, _ output: Tensor?, _ dShift: [Double], _ dScale: [Double]
  ) -> (Tensor?, Tensor?) {
    let dResidual = !hasResidual ? nil : output == nil ? upstream : Tensor.uninitialised(x.shape)
    guard needsInput || (hasResidual && output != nil) else { return (nil, dResidual) }
    let factors = zip(scale.scalars(), inverseDeviation).map { Double($0) * $1 }
    let share = ofBatch ? -1 / Double(x.count / channels) : 0
    let a = Tensor(factors.map { Float($0) })
    let b = Tensor(factors.indices.map { Float(factors[$0] * inverseDeviation[$0] * dScale[$0] * share) })
    let c = Tensor(factors.indices.map { Float(factors[$0] * dShift[$0] * share) })
    let dx = Tensor.uninitialised(x.shape)
    blocks.overCores { block in
      let rows = blocks.rows(block)
      let start = rows.lowerBound * channels
      ck_batch_norm_gradient_rows(
        rows.count, channels, x.pointer + start, mean.pointer,
        output.map { UnsafePointer($0.pointer + start) },
        upstream.pointer + start, a.pointer, b.pointer, c.pointer, dx.pointer + start,
        output == nil ? nil : dResidual.map { $0.pointer + start })
    }
    return (needsInput ? dx : nil, dResidual)
  }
}
