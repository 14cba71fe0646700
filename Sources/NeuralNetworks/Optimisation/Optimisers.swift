import Basics
import CKernels
import Tensors

/// Changes parameters against their gradients.
///
/// ```swift
/// loss.backward()
/// optimiser.step(rate: 3e-4)   // uses the gradients up
/// ```
public protocol Optimiser: AnyObject {
  /// Applies the parameters' gradients with learning rate `rate`, scaled down to norm `maximumNorm` if they
  /// are longer, and forgets them. Returns the norm of the gradients as they were.
  @discardableResult
  func step(rate: Float, maximumNorm: Float?) -> Float

  /// What a checkpoint must hold beside the parameters: copies, which later steps do not change.
  func state() -> [(name: String, tensor: Tensor)]

  /// Sets what `state()` gave. Throws `StateError` when something is missing or of another shape; nothing is
  /// changed then.
  func load(_ state: [String: Tensor]) throws
}

extension Optimiser {
  /// A step with the gradients as they are, of whatever norm. Returns that norm.
  @discardableResult
  public func step(rate: Float) -> Float { step(rate: rate, maximumNorm: nil) }
}

/// AdamW: exponential means of the gradient and its square, bias correction, decay apart from the gradient.
///
/// `p -= rate * decay * p`, then `p -= rate * m' / (sqrt(v') + epsilon)` with `m' = m / (1 - beta1^t)`, `v' =
/// v / (1 - beta2^t)`.
/// - Source: Loshchilov and Hutter 2019.
public final class AdamW: Optimiser {
  /// How steps are made of gradients; the paper's where not given.
  public struct Configuration: OptimiserSettings {
    /// The learning rate, before a schedule's factor. A step is told its own: this is for who makes steps.
    public var rate = 3e-4
    /// Times the rate, the share of each parameter that a step takes away, biases and normalisations included.
    public var weightDecay: Float = 0.01
    /// What the mean of the gradients keeps of itself in a step, and what that of their squares keeps; in [0, 1).
    public var betas: [Float] = [0.9, 0.999]
    /// Added to the root of the mean square, against division by 0.
    public var epsilon: Float = 1e-8
    /// Longest gradient (Euclidean norm over all parameters), for who makes steps; nil: as it comes.
    public var gradientClip: Float?

    /// Creates settings with default values.
    public init() {}

    /// Creates settings with another decay.
    public init(weightDecay: Float) { self.weightDecay = weightDecay }

    public static var stateCount: Int { 2 }

    public func optimiser(for parameters: [(name: String, tensor: Tensor)]) -> any Optimiser {
      AdamW(parameters, self)
    }
  }

  /// How steps are made of gradients.
  public let configuration: Configuration
  /// Steps taken.
  public private(set) var steps = 0
  private let parameters: FlatParameters
  private let mean: Tensor
  private let square: Tensor

  /// - Parameters:
  ///   - parameters: what is trained, at least one, with the names that `state()` goes by. They are moved
  ///     into one piece of memory; views of them that were made before no longer follow. A parameter that has
  ///     no gradient at a step counts as one whose gradient is 0.
  /// - Complexity: a step is three passes over the parameters; the state takes twice their memory, the
  ///   gathered gradients once more.
  public init(
    _ parameters: [(name: String, tensor: Tensor)], _ configuration: Configuration = Configuration()
  ) {
    require(configuration.betas.count == 2, "AdamW has two betas, not \(configuration.betas)")
    self.parameters = FlatParameters(parameters)
    self.configuration = configuration
    mean = Tensor.zeros([self.parameters.count])
    square = Tensor.zeros([self.parameters.count])
  }

  @discardableResult
  public func step(rate: Float, maximumNorm: Float?) -> Float {
    steps += 1
    let (norm, scale) = parameters.gradientScale(maximumNorm)
    let (beta1, beta2) = (configuration.betas[0], configuration.betas[1])
    let correction1 = 1 - Double(beta1).power(steps)
    let correction2 = 1 - Double(beta2).power(steps)
    parameters.update { start, count, values, gradients in
      ck_adamw(
        count, values, gradients, mean.pointer + start, square.pointer + start, scale, rate,
        configuration.weightDecay, beta1, beta2, configuration.epsilon, Float(Double(rate) / correction1),
        Float(1 / correction2.squareRoot()))
    }
    return norm
  }

  public func state() -> [(name: String, tensor: Tensor)] {
    [(name: "adamw.steps", tensor: encoded(steps))] + parameters.named(mean, "adamw.mean")
      + parameters.named(square, "adamw.square")
  }

  public func load(_ state: [String: Tensor]) throws {
    let steps = try decoded(state["adamw.steps"], "adamw.steps")
    try parameters.load(state, into: [("adamw.mean", mean), ("adamw.square", square)])
    self.steps = steps
  }
}

/// Stochastic gradient descent with momentum, as PyTorch defines it: `g += decay * p`, `b = momentum * b +
/// g`, `p -= rate * b` (or `rate * (g + momentum * b)` with Nesterov's form).
public final class SGD: Optimiser {
  /// How steps are made of gradients.
  public struct Configuration: OptimiserSettings {
    /// The learning rate, before a schedule's factor. A step is told its own: this is for who makes steps.
    public var rate = 3e-4
    /// The share of each parameter added to its gradient, biases and normalisations included.
    public var weightDecay: Float = 0
    /// What the velocity `b` keeps of itself in a step, in [0, 1); 0 for plain gradient descent.
    public var momentum: Float = 0.9
    /// Whether a step goes along `g + momentum * b` in place of `b`.
    public var nesterov = false
    /// Longest gradient (Euclidean norm over all parameters), for who makes steps; nil: as it comes.
    public var gradientClip: Float?

    /// Creates settings with default values.
    public init() {}

    public static var stateCount: Int { 1 }

    public func optimiser(for parameters: [(name: String, tensor: Tensor)]) -> any Optimiser {
      SGD(parameters, self)
    }

    /// Creates settings with momentum, decay and form.
    public init(momentum: Float, weightDecay: Float = 0, nesterov: Bool = false) {
      (self.momentum, self.weightDecay, self.nesterov) = (momentum, weightDecay, nesterov)
    }
  }

  /// How steps are made of gradients.
  public let configuration: Configuration
  private let parameters: FlatParameters
  private let velocity: Tensor

  /// - Parameters:
  ///   - parameters: as for `AdamW`
  /// - Complexity: a step is three passes over the parameters; the state takes their memory once, the
  ///   gathered gradients once more.
  public init(
    _ parameters: [(name: String, tensor: Tensor)], _ configuration: Configuration = Configuration()
  ) {
    self.parameters = FlatParameters(parameters)
    self.configuration = configuration
    velocity = Tensor.zeros([self.parameters.count])
  }

  @discardableResult
  public func step(rate: Float, maximumNorm: Float?) -> Float {
    let (norm, scale) = parameters.gradientScale(maximumNorm)
    parameters.update { start, count, values, gradients in
      ck_sgd(
        count, values, gradients, velocity.pointer + start, scale, rate,
        configuration.weightDecay, configuration.momentum, configuration.nesterov ? 1 : 0)
    }
    return norm
  }

  public func state() -> [(name: String, tensor: Tensor)] { parameters.named(velocity, "sgd.velocity") }

  public func load(_ state: [String: Tensor]) throws {
    try parameters.load(state, into: [("sgd.velocity", velocity)])
  }
}

/// What the settings of every optimiser have.
public protocol OptimiserSettings: Sendable, Equatable {
  /// The learning rate, before a schedule's factor.
  var rate: Double { get set }
  /// Longest gradient (Euclidean norm over all parameters); nil: as it comes.
  var gradientClip: Float? { get set }
  /// Values that the optimiser keeps for each trained one.
  static var stateCount: Int { get }

  /// Makes an optimiser of parameters, which it moves; see `AdamW`.
  func optimiser(for parameters: [(name: String, tensor: Tensor)]) -> any Optimiser
}

/// An optimiser with its settings.
public enum OptimiserConfiguration: Sendable, Equatable {
  /// AdamW.
  case adamw(AdamW.Configuration)
  /// Stochastic gradient descent with momentum.
  case sgd(SGD.Configuration)

  /// The settings of whichever it is.
  public var settings: any OptimiserSettings {
    switch self {
    case .adamw(let configuration): configuration
    case .sgd(let configuration): configuration
    }
  }
}

extension FlatParameters {
  /// Gathers the gradients; their norm, and the factor that brings it down to `maximumNorm`.
  func gradientScale(_ maximumNorm: Float?) -> (norm: Float, scale: Float) {
    gatherGradients()
    let norm = gradientNorm()
    guard let maximumNorm, norm > maximumNorm else { return (norm, 1) }
    return (norm, maximumNorm / (norm + 1e-6))
  }

  /// Runs an update over the cores, then forgets the gradients.
  func update(
    _ body: (_ start: Int, _ count: Int, UnsafeMutablePointer<Float>, UnsafePointer<Float>) -> Void
  ) {
    Parallel.forEach(count, grain: elementwiseGrain) { range in
      let start = range.lowerBound
      body(start, range.count, values.pointer + start, gradients.pointer + start)
    }
    for tensor in tensors { tensor.gradient = nil }
  }
}

extension Double {
  fileprivate func power(_ n: Int) -> Double {
    var (result, factor, rest) = (1.0, self, n)
    while rest > 0 {
      if rest & 1 == 1 { result *= factor }
      factor *= factor
      rest >>= 1
    }
    return result
  }
}

/// A count as two floats, exact to 2^48.
private func encoded(_ steps: Int) -> Tensor { Tensor([Float(steps >> 24), Float(steps & 0xff_ffff)]) }

private func decoded(_ tensor: Tensor?, _ name: String) throws -> Int {
  let halves = (tensor?.scalars() ?? []).compactMap { Int(exactly: $0) }
  guard tensor?.shape == [2], halves.count == 2, halves.allSatisfy({ (0..<1 << 24).contains($0) }) else {
    throw StateError(
      description: "the optimiser's state lacks \(name), two whole numbers below 2^24"
        + (tensor.map { "; it is \($0)" } ?? ""))
  }
  return halves[0] << 24 + halves[1]
}
