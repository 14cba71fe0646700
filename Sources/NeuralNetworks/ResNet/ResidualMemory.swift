import CKernels
import Tensors

extension ResNet.Configuration {
  public func memory(images: Int, of shape: ImageShape) -> NetworkMemory {
    let isLarge = stem == .large
    var plan = ResidualPlan(batch: Double(images), side: shape.size, channels: shape.channels)
    let input = plan.activations
    // The images once more, channels last.
    plan.operations.append(NetworkMemory.Operation(kept: input))
    plan.convolve(to: width, kernel: isLarge ? 7 : 3, stride: isLarge ? 2 : stemStride, needsInput: false)
    plan.normalise()
    if isLarge { plan.pool() }
    for (stage, count) in blocks.enumerated() {
      for block in 0..<count {
        plan.block(to: Double(width) * Double(1 << stage), stride: stage > 0 && block == 0 ? 2 : 1)
      }
    }
    let features = plan.activations
    plan.operations.append(NetworkMemory.Operation(backward: features))
    return NetworkMemory(parameterCount: plan.parameterCount, input: input, operations: plan.operations)
  }
}

/// A residual network's operations, one after the other.
private struct ResidualPlan {
  let batch: Double
  /// Of the images as they are now.
  var side: Int
  var channels: Double
  var operations: [NetworkMemory.Operation] = []
  var parameterCount = 0.0
  /// The shortcut's gradient, which waits for the present block's first convolution.
  private var waiting = 0.0
  /// What a block without gradients holds beside the last result.
  private var held = 0.0

  init(batch: Double, side: Int, channels: Int) {
    (self.batch, self.side, self.channels) = (batch, side, Double(channels))
  }

  /// Of all images, once.
  var activations: Double { floats(batch * Double(side) * Double(side) * channels) }

  mutating func convolve(to outputs: Int, kernel: Int, stride: Int, needsInput: Bool = true) {
    convolve(to: Double(outputs), kernel: kernel, stride: stride, needsInput: needsInput)
  }

  mutating func convolve(to outputs: Double, kernel: Int, stride: Int, needsInput: Bool = true) {
    let (input, inputs, area) = (activations, channels, Double(kernel * kernel))
    (side, channels) = ((side + stride - 1) / stride, outputs)
    let weights = floats(area * inputs * outputs)
    let work = ConvolutionWork(
      batch: batch, side: Double(side), inputs: inputs, outputs: outputs, kernel: kernel, stride: stride)
    operations.append(
      NetworkMemory.Operation(
        result: activations, kept: weights, forward: work.forward,
        backward: activations + (needsInput ? input : 0) + work.backward, gradients: weights,
        waiting: waiting,
        held: held))
    parameterCount += area * inputs * outputs
  }

  mutating func normalise(addsShortcut: Bool = false) {
    let gradients = (addsShortcut ? 3 : 2) * activations
    operations.append(
      NetworkMemory.Operation(
        result: activations, readsResult: true, backward: gradients, gradients: 2 * floats(channels),
        waiting: addsShortcut ? 0 : waiting, held: held))
    parameterCount += 2 * channels
  }

  /// The largest values of 3 x 3 windows, two pixels apart, with where they come from.
  mutating func pool() {
    let input = activations
    side = (side + 1) / 2
    operations.append(
      NetworkMemory.Operation(result: activations, kept: activations, backward: activations + input))
  }

  mutating func block(to outputs: Double, stride: Int) {
    let (input, inputs, inputSide) = (activations, channels, side)
    waiting = input
    convolve(to: outputs, kernel: 3, stride: stride)
    waiting = max(input, activations)
    held = input
    normalise()
    let (hidden, hiddenSide) = (activations, side)
    if stride != 1 || inputs != outputs {
      (channels, side) = (inputs, inputSide)
      convolve(to: outputs, kernel: 1, stride: stride)
      held = input + hidden
      normalise()
      held += hidden
    }
    (channels, side) = (outputs, hiddenSide)
    convolve(to: outputs, kernel: 3, stride: 1)
    held = max(held, input + hidden)
    normalise(addsShortcut: true)
    (waiting, held) = (0, 0)
  }
}

/// Copies of weights and scratch of a convolution's passes, by the algorithm that `conv2d` chooses for it.
private struct ConvolutionWork {
  var forward: Double
  /// Without the gradient of the weights as it is handed on.
  var backward: Double

  init(batch: Double, side: Double, inputs: Double, outputs: Double, kernel: Int, stride: Int) {
    let threads = Double(Parallel.threadCount)
    let block = Double(CK_CONVOLUTION_BLOCK)
    let length = Double(kernel * kernel) * inputs
    let weights = floats(length * outputs)
    // As the kernels take them, in whole blocks of outputs.
    let blocks = (outputs / block).rounded(.up)
    let blocked = floats(length * blocks * block)
    let perImage = (side / 4).rounded(.up) * (side / 4).rounded(.up)
    let isTransformed =
      kernel == 3 && stride == 1 && min(inputs, outputs) >= 16 && 9 * side * side >= 72 * perImage
      && batch * perImage >= 32
    if isTransformed {
      let tiles = max(24, min(96, inputs * outputs / 1024), 131_072 / (36 * (inputs + outputs)))
      let scratch = threads * floats(36 * min(tiles, batch * perImage) * (inputs + outputs))
      let sums = Self.sums(threads, dividing: blocks, atMost: inputs * outputs / 32_768)
      // The transforms of a kernel of 3 x 3 are 6 x 6, four times as many.
      (forward, backward) = (5 * blocked + scratch, (4 * sums + 1) * blocked + weights + scratch)
    } else if length * outputs <= 600_000 {
      let scratch = threads * floats(65_536)
      let sums = Self.sums(threads, dividing: blocks, atMost: threads)
      (forward, backward) = (blocked + scratch, sums * blocked + weights + 2 * scratch)
    } else {
      let scratch = threads * floats(131_072)
      let sums = Self.sums(threads, dividing: threads, atMost: length / 256)
      (forward, backward) = (scratch, sums * weights + scratch)
    }
  }

  /// How many sums of the weights' gradient are kept apart, where the cores share the weights as far as they can.
  private static func sums(_ threads: Double, dividing parts: Double, atMost most: Double) -> Double {
    let shared = (1...max(1, Int(threads))).last {
      Int(threads) % $0 == 0 && parts.truncatingRemainder(dividingBy: Double($0)) == 0
        && Double($0) <= max(1, most)
    }
    return threads / Double(shared ?? 1)
  }
}
