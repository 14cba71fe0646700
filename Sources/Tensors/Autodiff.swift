import Basics
import CKernels
import Synchronization

// Reverse-mode differentiation, define by run. An operation computes its value and, when gradients are
// wanted, records a node that knows the operation's inputs and how an upstream gradient maps to theirs. Nodes
// are numbered as they are made, so that descending numbers are an order in which every node comes before
// those it depends on; no walk over the graph recurses.

/// One recorded operation.
final class Node {
  let number: UInt64
  // Both are dropped once used, which also frees what they hold.
  var inputs: [Tensor]
  var backward: ((Tensor) -> [Tensor?])?
  var gradient = Accumulator()

  private static let counter = Atomic<UInt64>(0)

  init(inputs: [Tensor], backward: @escaping (Tensor) -> [Tensor?]) {
    number = Node.counter.add(1, ordering: .relaxed).newValue
    self.inputs = inputs
    self.backward = backward
  }

  /// Frees a chain of nodes that nobody else holds one by one: letting the runtime do it would nest one call
  /// a node.
  deinit {
    backward = nil
    var released = inputs
    inputs = []
    while var tensor = released.popLast() {
      guard isKnownUniquelyReferenced(&tensor), var node = tensor.node else { continue }
      tensor.node = nil
      guard isKnownUniquelyReferenced(&node) else { continue }
      node.backward = nil
      released.append(contentsOf: node.inputs)
      node.inputs = []
    }
  }
}

/// A sum of gradients that copies only when a second one arrives.
struct Accumulator {
  private(set) var sum: Tensor?
  private var isOwned = false

  init(_ sum: Tensor? = nil, isOwned: Bool = false) {
    self.sum = sum
    self.isOwned = isOwned
  }

  mutating func add(_ gradient: Tensor) {
    guard let present = sum else {
      sum = gradient  // may be shared with another node: not to be written to
      return
    }
    let target = isOwned ? present : Tensor.uninitialised(present.shape)
    Parallel.forEach(present.count, grain: elementwiseGrain) { range in
      let start = range.lowerBound
      ck_add(range.count, present.pointer + start, gradient.pointer + start, target.pointer + start)
    }
    sum = target
    isOwned = true
  }

  mutating func take() -> Tensor? {
    defer { self = Accumulator() }
    return sum
  }
}

/// Runs `body` without recording operations, on this thread: for evaluation, and for updates of parameters.
public func withoutGradient<R>(_ body: () throws -> R) rethrows -> R {
  let depth = ck_gradient_pause_depth()!
  depth.pointee += 1
  defer { depth.pointee -= 1 }
  return try body()
}

extension Tensor {
  /// Whether operations on this tensor are recorded. It can be set on a leaf (a tensor that no recorded
  /// operation made).
  public var requiresGradient: Bool {
    get { leafRequiresGradient || node != nil }
    set {
      require(
        node == nil, "requiresGradient can be set on a leaf only; this tensor is the result of an operation")
      leafRequiresGradient = newValue
    }
  }

  /// What `backward()` has gathered for this leaf since it was last set to nil; of the tensor's shape.
  public var gradient: Tensor? {
    get { accumulated }
    set {
      require(
        newValue == nil || newValue!.shape == shape,
        "a gradient of shape \(newValue!.shape) does not fit a tensor of shape \(shape)")
      accumulated = newValue
      ownsAccumulated = false
    }
  }

  /// The same values, outside the graph: shares the storage.
  public func detached() -> Tensor { Tensor(storage: storage, offset: offset, shape: shape) }

  /// The extension point of differentiation: `value`, computed from `inputs`, becomes the result of a
  /// recorded operation.
  ///
  /// - Parameters:
  ///   - value: the result, computed without recording; not to be used elsewhere afterwards.
  ///   - inputs: the tensors it depends on.
  ///   - backward: maps the gradient with respect to the value to the gradients with respect to the inputs,
  ///     in order, each of its input's shape; nil where there is none. It runs without recording, at most
  ///     once. Capture `detached()` tensors only, so that a long graph can be freed without recursion.
  /// - Returns: `value`; when gradients are off or no input requires one, outside any graph.
  public static func record(
    _ value: Tensor, from inputs: [Tensor], backward: @escaping (Tensor) -> [Tensor?]
  ) -> Tensor {
    guard ck_gradient_pause_depth().pointee == 0, inputs.contains(where: \.requiresGradient) else {
      return value
    }
    value.node = Node(inputs: inputs, backward: backward)
    return value
  }

  /// Computes the gradients of this scalar with respect to every leaf that it depends on and adds them to the
  /// leaves' `gradient`. The graph is used up: what it saved is freed as it goes.
  ///
  /// Stops the program when the tensor is not a scalar, depends on no leaf that requires a gradient, or was
  /// used up before.
  /// - Complexity: one visit a node; no recursion.
  public func backward() {
    require(
      count == 1,
      "backward() starts from a scalar, and the shape is \(shape); reduce it first, with sum() or mean()")
    guard let root = node else {
      require(
        leafRequiresGradient,
        "backward() on a tensor that depends on no leaf with requiresGradient, or was made without gradients")
      accumulate(Tensor.ones(shape))
      return
    }
    withoutGradient {
      root.gradient.add(Tensor.ones(shape))
      for node in Tensor.nodesInReverse(from: root) { node.propagate() }
    }
  }

  /// Every node that `root` depends on, newest first.
  private static func nodesInReverse(from root: Node) -> [Node] {
    var found: [Node] = [root]
    var seen: Set<ObjectIdentifier> = [ObjectIdentifier(root)]
    var next = 0
    while next < found.count {
      for input in found[next].inputs {
        if let node = input.node, seen.insert(ObjectIdentifier(node)).inserted { found.append(node) }
      }
      next += 1
    }
    return found.sorted { $0.number > $1.number }
  }

  fileprivate func accumulate(_ gradient: Tensor) {
    require(
      gradient.shape == shape,
      "an operation returned a gradient of shape \(gradient.shape) for an input of shape \(shape)")
    if let node {
      node.gradient.add(gradient)
    } else if leafRequiresGradient {
      var sum = Accumulator(accumulated, isOwned: ownsAccumulated)
      sum.add(gradient)
      ownsAccumulated = accumulated != nil
      accumulated = sum.take()
    }
  }
}

extension Node {
  fileprivate func propagate() {
    guard let backward else {
      fatalError(
        "backward() a second time through the same graph: what it saved was freed by the first. Compute the value again, "
          + "or add the losses up and call backward() once.")
    }
    self.backward = nil
    let inputs = self.inputs
    self.inputs = []
    guard let upstream = gradient.take() else { return }
    let gradients = backward(upstream)
    require(
      gradients.count == inputs.count,
      "an operation returned \(gradients.count) gradients for \(inputs.count) inputs")
    for (input, gradient) in zip(inputs, gradients) {
      if let gradient, input.requiresGradient { input.accumulate(gradient) }
    }
  }
}

/// Elements below which element-wise work is not worth another thread.
package let elementwiseGrain = 16_384
