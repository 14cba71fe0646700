import Basics

/// An array of float32 of any rank, contiguous in row-major order, that remembers how it was computed.
///
/// A tensor is a reference: what is assigned or captured is the same tensor. Operations make new ones; only
/// `withUnsafeMutableData` changes values in place (initialisers and optimisers do).
///
/// ```swift
/// let w = Tensor([1, 2, 3])
/// w.requiresGradient = true
/// (w * w).sum().backward()
/// w.gradient!.scalars()  // [2, 4, 6]
/// ```
///
/// Shapes are checked where a value enters an operation; a mismatch stops the program with both shapes in the
/// message.
///
/// ## Threads
///
/// A tensor may be handed to another thread, and any number of threads may compute with it at once, as long as
/// none of them changes it. The compiler does not check this (`@unchecked Sendable`); it is for the user to see
/// to. What changes a tensor:
/// * `withUnsafeMutableData`, and with it a module's `load`: the elements, for all views too;
/// * an optimiser's `init` and `step`: the elements of its parameters, and where they lie;
/// * setting `requiresGradient` or `gradient`;
/// * `backward()`: the `gradient` of every leaf that the loss depends on, and the graph between. Two losses that
///   share a leaf or a part of their graphs must not run `backward()` at once.
///
/// An operation writes its result before anybody else can see it, so a new tensor needs no care.
public final class Tensor: @unchecked Sendable {
  /// The length of each axis; empty for a scalar.
  public let shape: [Int]
  /// The number of elements, the product of `shape`.
  public let count: Int

  // Where the values are: a storage may be shared with views, and an optimiser may move a leaf into its flat
  // buffer.
  package private(set) var storage: Storage
  package private(set) var offset: Int

  // The graph: the operation that made this tensor, or what a leaf gathers. See Autodiff.swift.
  var node: Node?
  var leafRequiresGradient = false
  var accumulated: Tensor?
  var ownsAccumulated = false

  package init(storage: Storage, offset: Int = 0, shape: [Int]) {
    self.shape = shape
    count = elementCount(shape)
    self.storage = storage
    self.offset = offset
  }

  /// A tensor of `shape` from values in row-major order. The counts must agree.
  public convenience init(_ values: [Float], shape: [Int]) {
    require(
      values.count == elementCount(shape), "\(values.count) values cannot fill the shape \(shape)")
    self.init(storage: Storage(count: values.count), shape: shape)
    values.withUnsafeBufferPointer { source in
      if let base = source.baseAddress { pointer.update(from: base, count: source.count) }
    }
  }

  /// A vector.
  public convenience init(_ values: [Float]) { self.init(values, shape: [values.count]) }

  /// A scalar, of rank 0.
  public convenience init(_ value: Float) { self.init([value], shape: []) }

  /// The number of axes.
  public var rank: Int { shape.count }

  /// The first element. Valid while the tensor is alive and its storage has not been moved.
  ///
  /// The pointer keeps nothing alive, and Swift may free a tensor after the last use of its name. So take it only of
  /// a tensor that something holds until the memory has been used for the last time: a parameter, a property of
  /// `self`, a capture of the closure that uses it, or a local name that is used again afterwards (returned, for
  /// example). Never take it of a temporary, as in `f(x.transposed().pointer)`: use `withUnsafeData` there.
  package var pointer: UnsafeMutablePointer<Float> { storage.pointer + offset }

  /// Calls `body` with the elements in row-major order.
  public func withUnsafeData<R>(_ body: (UnsafeBufferPointer<Float>) throws -> R) rethrows -> R {
    try withExtendedLifetime(self) {
      try body(UnsafeBufferPointer(start: pointer, count: count))
    }
  }

  /// Calls `body` with the elements, to be changed in place. Views share them, and so do graphs that saved
  /// this tensor: change a tensor only while no `backward()` that needs its old values is to come.
  public func withUnsafeMutableData<R>(
    _ body: (UnsafeMutableBufferPointer<Float>) throws -> R
  ) rethrows -> R {
    try withExtendedLifetime(self) {
      try body(UnsafeMutableBufferPointer(start: pointer, count: count))
    }
  }

  /// The elements in row-major order.
  public func scalars() -> [Float] { withUnsafeData { Array($0) } }

  /// The value of a tensor of one element.
  public func item() -> Float {
    require(count == 1, "item() needs one element, and the shape is \(shape)")
    return withUnsafeData { $0[0] }
  }

  /// One element, by an index for each axis.
  public subscript(_ indices: Int...) -> Float {
    require(
      indices.count == rank && zip(indices, shape).allSatisfy { $0 >= 0 && $0 < $1 },
      "index \(indices) is not within the shape \(shape)")
    let position = zip(indices, shape).reduce(0) { $0 * $1.1 + $1.0 }
    return withUnsafeData { $0[position] }
  }

  /// Moves the values of a leaf to another storage, which views made before do not follow.
  package func move(to newStorage: Storage, offset newOffset: Int) {
    require(node == nil, "only a leaf can be moved to another storage")
    (newStorage.pointer + newOffset).update(from: pointer, count: count)
    storage = newStorage
    offset = newOffset
  }
}

// MARK: - Creation

extension Tensor {
  /// Memory as it comes from the pool, to be written before it is read.
  public static func uninitialised(_ shape: [Int]) -> Tensor {
    Tensor(storage: Storage(count: elementCount(shape)), shape: shape)
  }

  /// `value` in every element, in memory of its own: one pass.
  public static func full(_ value: Float, _ shape: [Int]) -> Tensor {
    let result = uninitialised(shape)
    result.pointer.update(repeating: value, count: result.count)
    return result
  }

  /// 0 in every element; `[]` gives a scalar.
  public static func zeros(_ shape: [Int]) -> Tensor { full(0, shape) }

  /// 1 in every element; `[]` gives a scalar.
  public static func ones(_ shape: [Int]) -> Tensor { full(1, shape) }

  /// Uniform in the half-open range.
  public static func uniform(
    _ shape: [Int], in range: Range<Float> = 0..<1, using generator: inout RandomGenerator
  ) -> Tensor {
    generated(shape) { generator.uniform(range) }
  }

  /// Independent normal values.
  public static func normal(
    _ shape: [Int], mean: Float = 0, deviation: Float = 1, using generator: inout RandomGenerator
  ) -> Tensor {
    generated(shape) { mean + deviation * generator.normal() }
  }

  /// Normal values around 0, drawn again until within `bound` deviations.
  public static func truncatedNormal(
    _ shape: [Int], deviation: Float = 1, bound: Float = 2, using generator: inout RandomGenerator
  ) -> Tensor {
    generated(shape) { deviation * generator.truncatedNormal(bound: bound) }
  }

  private static func generated(_ shape: [Int], _ next: () -> Float) -> Tensor {
    let result = uninitialised(shape)
    for i in 0..<result.count { result.pointer[i] = next() }
    return result
  }

  /// The same values in memory of their own, outside any graph.
  public func copy() -> Tensor {
    let result = Tensor.uninitialised(shape)
    result.pointer.update(from: pointer, count: count)
    return result
  }
}

extension Tensor: CustomStringConvertible {
  /// The shape and the first values.
  public var description: String {
    let shown = withUnsafeData { $0.prefix(8).map { "\($0)" } }.joined(separator: ", ")
    return "Tensor\(shape) [\(shown)\(count > 8 ? ", ..." : "")]"
  }
}

/// The product of the axes' lengths, checked.
package func elementCount(_ shape: [Int]) -> Int {
  var product = 1
  for length in shape {
    require(length >= 0, "the shape \(shape) has a negative length")
    let (next, overflow) = product.multipliedReportingOverflow(by: length)
    require(!overflow, "the shape \(shape) has more elements than can be counted")
    product = next
  }
  return product
}
