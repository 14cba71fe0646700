import NeuralNetworks

/// How gradients become steps.
public struct OptimiserSettings: Sendable, Equatable {
  /// AdamW, or stochastic gradient descent with momentum.
  public enum Name: String, CaseIterable, Sendable { case adamw, sgd }

  /// Which one; `betas` and `epsilon` are those of AdamW, `momentum` and `nesterov` those of SGD.
  public var name = Name.adamw
  /// The learning rate, before the schedule's factor; the paper's by default.
  public var rate = 3e-4
  /// AdamW: decay a step is this times the rate. SGD: this times the values is added to gradients. Of all
  /// trained values, biases and normalisations included.
  public var weightDecay = 0.01
  /// AdamW: the share that the running mean of gradients, and that of their squares, keeps at each step.
  public var betas = [0.9, 0.999]
  /// AdamW: added to the root of the mean square, by which a step is divided.
  public var epsilon = 1e-8
  /// SGD: the share of the last step's direction that the next keeps; 0: none.
  public var momentum = 0.9
  /// SGD: Nesterov's form, in which a step looks ahead along the momentum.
  public var nesterov = false
  /// Longest gradient (Euclidean norm over all parameters); nil: as it comes.
  public var gradientClip: Double?

  /// Each field at the default that stands with it.
  public init() {}
}

extension OptimiserSettings.Name: ConfigurationChoice {}

extension OptimiserSettings: ConfigurationSection {
  package static var fields: [ConfigurationField<Self>] {
    let isAdam: (Self) -> Bool = { $0.name == .adamw }
    let isSGD: (Self) -> Bool = { $0.name == .sgd }
    let betas = Limits<[Double]>(
      text: "two numbers, at least 0 and below 1",
      allow: { $0.count == 2 && $0.allSatisfy { $0 >= 0 && $0 < 1 } },
      schema: [("minItems", .integer(2)), ("maxItems", .integer(2))])
    return [
      .value("name", \.name, "adamw: decoupled weight decay; sgd: with momentum."),
      .value("rate", \.rate, .positive(upTo: 1000), "The learning rate, before the schedule's factor."),
      .value(
        "weightDecay", \.weightDecay, .within(0...10),
        "AdamW: decay a step is this times the rate; SGD: added to gradients."),
      .value("betas", \.betas, betas, "Decay of the running mean and square of gradients.", when: isAdam),
      .value("epsilon", \.epsilon, .positive(upTo: 1), "Added to the denominator.", when: isAdam),
      .value("momentum", \.momentum, .fraction(below: 1), "Share of the last step in the next.", when: isSGD),
      .value("nesterov", \.nesterov, "Look ahead along the momentum.", when: isSGD),
      .value(
        "gradientClip", \.gradientClip, Limits<Double>.positive(upTo: 1e9).orAbsent(),
        "Longest gradient over all parameters; absent: no limit."),
    ]
  }
}

/// The factor on the learning rate as training goes on.
public struct ScheduleSettings: Sendable, Equatable {
  /// Constant, or a curve: cosine and multi-step change from epoch to epoch, cosine to zero and one cycle
  /// with every step.
  public enum Name: String, CaseIterable, Sendable {
    case constant, cosine, cosineToZero, multiStep, oneCycle
  }

  /// The curve of the factor; by default half a cosine from 1 to `minimum`.
  public var name = Name.cosine
  /// Linear rise over the first epochs (not for one cycle, which has its own).
  public var warmUpEpochs = 0.0
  /// Cosine: epochs from the full rate to the lowest; afterwards it rises again, as PyTorch's does. Nil: all
  /// epochs.
  public var period: Int?
  /// Cosine: the lowest rate as a share of the full one.
  public var minimum = 0.0
  /// Multi-step: the epochs after which the rate is multiplied by `factor`.
  public var milestones = [Int]()
  /// Multi-step: see `milestones`; 0.1 leaves a tenth of the rate after each.
  public var factor = 0.1
  /// One cycle: the share of all steps in which the rate rises.
  public var rise = 0.3

  /// Each field at the default that stands with it.
  public init() {}
}

extension ScheduleSettings.Name: ConfigurationChoice {}

extension ScheduleSettings: ConfigurationSection {
  package static var fields: [ConfigurationField<Self>] {
    let isCosine: (Self) -> Bool = { $0.name == .cosine }
    let hasSteps: (Self) -> Bool = { $0.name == .multiStep }
    return [
      .value(
        "name", \.name,
        "cosine (by epochs), cosineToZero (by steps, over the whole run), multiStep, oneCycle or constant."),
      .value(
        "warmUpEpochs", \.warmUpEpochs, .within(0...10_000),
        "Epochs in which the rate rises linearly to the full one.", when: { $0.name != .oneCycle }),
      .value(
        "period", \.period, Limits<Int>.within(1...100_000).orAbsent(),
        "Epochs from the full rate to the lowest, and as many back (PyTorch's T_max); absent: all epochs.",
        when: isCosine),
      .value(
        "minimum", \.minimum, .within(0...1), "The lowest rate, as a share of the full one.", when: isCosine),
      .value(
        "milestones", \.milestones, .distinct(1...100_000, atLeast: 1),
        "Epochs after which the rate is multiplied by `factor`.", when: hasSteps),
      .value("factor", \.factor, .within(0...1), "See `milestones`.", when: hasSteps),
      .value(
        "rise", \.rise, .fraction(below: 1), "Share of training in which the rate rises.",
        when: { $0.name == .oneCycle }),
    ]
  }

  package var conflict: (key: String, problem: String)? {
    guard name == .multiStep, milestones.isEmpty else { return nil }
    return ("milestones", "a multiStep schedule needs at least one epoch in `milestones`")
  }
}
