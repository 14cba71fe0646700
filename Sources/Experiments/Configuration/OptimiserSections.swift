import NeuralNetworks

/// How gradients become steps.
extension OptimiserConfiguration: ConfigurationVariants {
  package static var defaults: Self { .adamw(.defaults) }
  package static let summaryOfName = "adamw: decoupled weight decay; sgd: with momentum."

  package static var variants: [ConfigurationVariant<Self>] {
    [
      ConfigurationVariant("adamw", Self.adamw) { if case .adamw(let section) = $0 { section } else { nil } },
      ConfigurationVariant("sgd", Self.sgd) { if case .sgd(let section) = $0 { section } else { nil } },
    ]
  }
}

extension OptimiserSettings {
  fileprivate static var rate: ConfigurationField<Self> {
    .value("rate", \.rate, .positive(upTo: 1000), "The learning rate, before the schedule's factor.")
  }

  fileprivate static var gradientClip: ConfigurationField<Self> {
    .value(
      "gradientClip", \.gradientClip, Limits<Float>.positive(upTo: 1e9).orAbsent(),
      "Longest gradient over all parameters; absent: no limit.")
  }

  fileprivate static func weightDecay(_ member: WritableKeyPath<Self, Float>) -> ConfigurationField<Self> {
    .value(
      "weightDecay", member, .within(0...10),
      "AdamW: decay a step is this times the rate; SGD: added to gradients.")
  }
}

extension AdamW.Configuration: ConfigurationSection {
  package static var defaults: Self { Self() }

  package static var fields: [ConfigurationField<Self>] {
    let betas = Limits<[Float]>(
      text: "two numbers, at least 0 and below 1",
      allow: { $0.count == 2 && $0.allSatisfy { $0 >= 0 && $0 < 1 } },
      schema: [("minItems", .integer(2)), ("maxItems", .integer(2))])
    return [
      rate, weightDecay(\.weightDecay),
      .value("betas", \.betas, betas, "Decay of the running mean and square of gradients."),
      .value("epsilon", \.epsilon, .positive(upTo: 1), "Added to the denominator."),
      gradientClip,
    ]
  }
}

extension SGD.Configuration: ConfigurationSection {
  package static var defaults: Self { Self(momentum: 0.9, weightDecay: 0.01) }

  package static var fields: [ConfigurationField<Self>] {
    [
      rate, weightDecay(\.weightDecay),
      .value("momentum", \.momentum, .fraction(below: 1), "Share of the last step in the next."),
      .value("nesterov", \.nesterov, "Look ahead along the momentum."),
      gradientClip,
    ]
  }
}
