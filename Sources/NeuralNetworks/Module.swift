import Tensors

/// A part of a network: parameters, buffers and smaller parts, by stable names.
///
/// ```swift
/// final class Classifier: Module {
///   let linear: Linear
///   var members: [Member] { [.module("linear", linear)] }
///   ...
/// }
/// classifier.parameters().map(\.name)  // ["linear.weight", "linear.bias"]
/// ```
public protocol Module: AnyObject {
  /// What the module is made of, in a fixed order.
  var members: [Member] { get }
}

/// One entry of a module.
public enum Member {
  /// Trained by an optimiser: a leaf that requires a gradient.
  case parameter(String, Tensor)
  /// State that is saved but not trained, such as running statistics.
  case buffer(String, Tensor)
  /// A smaller part: its members' names follow this one and a dot.
  case module(String, any Module)
}

/// How a forward pass is run.
public struct Pass: Sendable {
  /// In training, dropout drops and batch normalisation uses (and gathers) the batch's statistics.
  public var isTraining: Bool
  /// Where random layers draw from.
  public var generator: RandomGenerator

  /// In training. The pass has a copy of `generator`, which itself does not advance: give every step a
  /// `split()` of it, or all steps drop the same elements.
  public static func training(_ generator: RandomGenerator) -> Pass {
    Pass(isTraining: true, generator: generator)
  }

  /// Nothing is drawn.
  public static var evaluation: Pass { Pass(isTraining: false, generator: RandomGenerator(seed: 0)) }
}

/// A module that maps one tensor to another.
public protocol Layer: Module {
  /// The layer's result for `x`, recorded for the gradients of `x` and of the parameters. Each layer states
  /// the shapes that it takes and gives; another shape stops the program.
  ///
  /// - Parameter pass: training or evaluation. A random layer in training advances its generator, so the
  ///   order of calls counts.
  func callAsFunction(_ x: Tensor, _ pass: inout Pass) -> Tensor
}

/// Why a saved state does not fit a network.
public struct StateError: Error, CustomStringConvertible, Equatable {
  /// A sentence that lists which entries are missing, unexpected or of another shape.
  public let description: String
}

extension Module {
  /// Every parameter with its dotted name, in order.
  public func parameters() -> [(name: String, tensor: Tensor)] {
    entries(prefix: "").filter(\.isParameter).map { ($0.name, $0.tensor) }
  }

  /// Every buffer with its dotted name, in order.
  public func buffers() -> [(name: String, tensor: Tensor)] {
    entries(prefix: "").filter { !$0.isParameter }.map { ($0.name, $0.tensor) }
  }

  /// Parameters and buffers: what a checkpoint holds.
  public func state() -> [(name: String, tensor: Tensor)] { entries(prefix: "").map { ($0.name, $0.tensor) } }

  /// The number of trained values.
  public var parameterCount: Int { parameters().reduce(0) { $0 + $1.tensor.count } }

  /// Sets every parameter and buffer from a saved state. Nothing is changed when it does not fit. Shapes may
  /// differ in axes of length 1 (a class token saved as `[1, 1, width]` fits `[width]`).
  ///
  /// - Parameter ignoring: names that may be in the state without being in the network, by their last part.
  /// - Throws: `StateError` that lists the names that are missing, unexpected or of another shape.
  public func load(_ state: [String: Tensor], ignoring: Set<String> = ["num_batches_tracked"]) throws {
    let entries = self.state()
    let missing = entries.filter { state[$0.name] == nil }.map(\.name)
    let known = Set(entries.map(\.name))
    let unexpected = state.keys.filter { name in
      !known.contains(name) && !ignoring.contains(String(name.split(separator: ".").last ?? ""))
    }
    let misshapen = entries.compactMap { name, tensor -> String? in
      guard let saved = state[name], saved.shape.filter({ $0 != 1 }) != tensor.shape.filter({ $0 != 1 })
      else { return nil }
      return "\(name) is \(saved.shape), expected \(tensor.shape)"
    }
    let problems = [
      missing.isEmpty ? nil : "missing: \(missing.joined(separator: ", "))",
      unexpected.isEmpty ? nil : "unexpected: \(unexpected.sorted().joined(separator: ", "))",
      misshapen.isEmpty ? nil : "of another shape: \(misshapen.joined(separator: "; "))",
    ].compactMap { $0 }
    guard problems.isEmpty else {
      throw StateError(
        description: "the saved state does not fit this network; " + problems.joined(separator: "; "))
    }
    for (name, tensor) in entries {
      let source = state[name]!
      tensor.withUnsafeMutableData { target in
        source.withUnsafeData { _ = target.update(fromContentsOf: $0) }
      }
    }
  }

  /// Forgets the gradients of all parameters.
  public func clearGradients() {
    for (_, parameter) in parameters() { parameter.gradient = nil }
  }

  private func entries(prefix: String) -> [(name: String, tensor: Tensor, isParameter: Bool)] {
    members.flatMap { member -> [(name: String, tensor: Tensor, isParameter: Bool)] in
      switch member {
      case .parameter(let name, let tensor): return [(prefix + name, tensor, true)]
      case .buffer(let name, let tensor): return [(prefix + name, tensor, false)]
      case .module(let name, let module): return module.entries(prefix: prefix + name + ".")
      }
    }
  }
}

/// Marks a new tensor as trained: a leaf that requires a gradient, as every `Member.parameter` is to be.
///
/// ```swift
/// /// `x * scale`, with a trained factor for each value of the last axis.
/// final class Scale: Layer {
///   let scale: Tensor
///   init(_ width: Int) { scale = parameter(.ones([width])) }
///   var members: [Member] { [.parameter("scale", scale)] }
///   func callAsFunction(_ x: Tensor, _ pass: inout Pass) -> Tensor { x * scale }
/// }
/// ```
///
/// Stops the program when the tensor is the result of a recorded operation.
/// - Returns: the tensor itself.
public func parameter(_ tensor: Tensor) -> Tensor {
  tensor.requiresGradient = true
  return tensor
}
