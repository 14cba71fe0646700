import Tensors

/// What a network's tensors take while it is trained or applied, from its sizes alone: known before anything is
/// allocated. In bytes, as the memory pool rounds them; `Double`, because sizes may be beyond all bounds.
public struct NetworkMemory: Sendable {
  /// One recorded operation of a forward pass. Its result lives until the backward pass of the operation that
  /// reads it, what it keeps until its own.
  struct Operation: Sendable {
    var result = 0.0
    /// Its own backward pass reads its result too.
    var readsResult = false
    /// Kept beside its inputs and its result, such as queries, keys and values.
    var kept = 0.0
    /// Scratch of the forward pass.
    var forward = 0.0
    /// Gradients of the result and of the inputs, and scratch, while the backward pass runs.
    var backward = 0.0
    /// Gradients of weights, which live until the optimiser's step.
    var gradients = 0.0
    /// Gradients that wait while the backward pass runs, such as a shortcut's.
    var waiting = 0.0
    /// Results of older operations, but for the last, that are alive in a pass without gradients.
    var held = 0.0
  }

  init(parameterCount: Double, input: Double, operations: [Operation]) {
    (self.parameterCount, self.input, self.operations) = (parameterCount, input, operations)
  }

  /// A network that does nothing yet with its images; `appending` gives it layers.
  public init(images: Int, of shape: ImageShape) {
    self.init(
      parameterCount: 0,
      input: floats(Double(images) * Double(shape.channels) * Double(shape.size) * Double(shape.size)),
      operations: [])
  }

  /// Trained values.
  public var parameterCount: Double
  /// Of the images.
  var input: Double
  /// In the order of the forward pass.
  var operations: [Operation]

  /// The trained values once.
  public var parameters: Double { MemoryPool.bytes(forElements: parameterCount) }

  /// The most that one forward and backward pass holds at a time, gradients included; not the trained values.
  public var training: Double {
    var alive = input + operations.reduce(0) { $0 + $1.result + $1.kept }
    var (most, gradients) = (alive, 0.0)
    for operation in operations.reversed() {
      if !operation.readsResult { alive -= operation.result }
      gradients += operation.gradients
      most = max(most, alive + gradients + operation.backward + operation.waiting)
      alive -= operation.kept + (operation.readsResult ? operation.result : 0)
    }
    return most
  }

  /// The most that a pass without gradients holds at a time.
  public var evaluation: Double {
    var (before, most) = (0.0, 0.0)
    for operation in operations {
      let own = operation.result + operation.kept + operation.forward
      most = max(most, input + before + own + operation.held)
      before = operation.result
    }
    return most
  }

  /// This network with an affine map of its result behind it: `rows` rows of `inputs` to `outputs` values.
  public func appending(rows: Int, inputs: Int, outputs: Int) -> NetworkMemory {
    var memory = self
    memory.parameterCount += Double(inputs + 1) * Double(outputs)
    memory.operations.append(.linear(rows: Double(rows), inputs: inputs, outputs: outputs))
    return memory
  }
}

extension NetworkMemory.Operation {
  static func linear(rows: Double, inputs: Int, outputs: Int, needsInput: Bool = true) -> Self {
    let (result, weights) = (floats(rows * Double(outputs)), floats(Double(inputs) * Double(outputs)))
    return Self(
      result: result, backward: result + (needsInput ? floats(rows * Double(inputs)) : 0), gradients: weights)
  }
}

/// Bytes of a tensor.
func floats(_ count: Double) -> Double { MemoryPool.bytes(forElements: count) }

// MARK: - The vision transformer

extension VisionTransformer.Configuration {
  /// What the network's tensors take for a pass over so many images.
  public func memory(images: Int, of shape: ImageShape) -> NetworkMemory {
    let (side, patch, channels) = (Double(shape.size), Double(patchSize), shape.channels)
    let patches = (side / patch).rounded(.down) * (side / patch).rounded(.down)
    let (width, hidden, batch) = (Double(self.width), Double(mlpWidth), Double(images))
    let values = patch * patch * Double(channels)
    let tokens = floats(batch * (patches + 1) * width)
    let patchTokens = floats(batch * patches * width)
    typealias Operation = NetworkMemory.Operation
    var operations = [
      Operation(kept: floats(batch * patches * values)),
      .linear(
        rows: batch * patches, inputs: patchSize * patchSize * channels, outputs: self.width,
        needsInput: false),
      Operation(
        result: patchTokens, kept: 2 * floats(batch * patches), backward: 2 * patchTokens,
        gradients: floats(2 * width)),
    ]
    if embeddingDropout > 0 { operations.append(Operation(result: patchTokens, backward: 2 * patchTokens)) }
    operations.append(
      Operation(result: tokens, backward: tokens + patchTokens, gradients: floats((patches + 1) * width)))
    for block in 0..<max(0, depth) {
      operations.append(attention(batch: batch, positions: patches + 1))
      if block == depth - 1 {
        let row = floats(batch * width)
        operations.append(Operation(result: row, backward: row + tokens))
        operations.append(feedForward(batch: batch, positions: 1))
      } else {
        operations.append(feedForward(batch: batch, positions: patches + 1))
      }
    }
    let block = 4 * width + 3 * width * width + 2 * width * hidden + hidden + width
    return NetworkMemory(
      parameterCount: values * width + 3 * width + (patches + 2) * width + Double(depth) * block + 2 * width,
      input: floats(batch * Double(channels) * side * side), operations: operations)
  }

  private func attention(batch: Double, positions: Double) -> NetworkMemory.Operation {
    let (width, parts) = (Double(self.width), min(Double(Parallel.threadCount), batch))
    let rows = tileRows(batch: batch, positions: positions)
    let (tokens, scores) = (floats(batch * positions * width), positions * positions)
    let sums = floats(parts * (2 * width + 3 * width * width))
    return NetworkMemory.Operation(
      result: tokens, kept: floats(3 * batch * positions * width) + 2 * floats(batch * positions),
      forward: parts * floats(rows * width + scores),
      backward: 2 * tokens + parts * floats(rows * 5 * width + 3 * scores), gradients: sums)
  }

  private func feedForward(batch: Double, positions: Double) -> NetworkMemory.Operation {
    let (width, hidden, parts) = (
      Double(self.width), Double(mlpWidth), min(Double(Parallel.threadCount), batch)
    )
    let rows = tileRows(batch: batch, positions: positions)
    let tokens = floats(batch * positions * width)
    let sums = floats(parts * (3 * width + 2 * width * hidden + hidden))
    return NetworkMemory.Operation(
      result: tokens, kept: floats(batch * positions * hidden) + 2 * floats(batch * positions),
      forward: parts * floats(rows * (width + hidden)),
      backward: 2 * tokens + parts * floats(rows * 2 * (width + hidden)), gradients: sums)
  }

  /// Rows of a tile of whole images, as `ImageTiles` has them.
  private func tileRows(batch: Double, positions: Double) -> Double {
    max(1, min(batch, (Double(ImageTiles.rows) / positions).rounded(.down))) * positions
  }
}
