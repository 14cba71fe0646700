import NeuralNetworks

/// The factor on the learning rate as training goes on.
extension Schedule: ConfigurationVariants {
  package static var defaults: Self { .cosine(.defaults) }
  package static let summaryOfName =
    "cosine (by epochs), cosineToZero (by steps, over the whole run), multiStep, oneCycle or constant."

  package static var variants: [ConfigurationVariant<Self>] {
    [
      ConfigurationVariant("constant", Self.constant) {
        if case .constant(let section) = $0 { section } else { nil }
      },
      ConfigurationVariant("cosine", Self.cosine) {
        if case .cosine(let section) = $0 { section } else { nil }
      },
      ConfigurationVariant("cosineToZero", Self.cosineToZero) {
        if case .cosineToZero(let section) = $0 { section } else { nil }
      },
      ConfigurationVariant("multiStep", Self.multiStep) {
        if case .multiStep(let section) = $0 { section } else { nil }
      },
      ConfigurationVariant("oneCycle", Self.oneCycle) {
        if case .oneCycle(let section) = $0 { section } else { nil }
      },
    ]
  }

  fileprivate static func warmUp<Section>(
    _ member: WritableKeyPath<Section, Double>
  ) -> ConfigurationField<Section> {
    .value(
      "warmUpEpochs", member, .within(0...10_000), "Epochs in which the rate rises linearly to the full one.")
  }
}

extension Schedule.Constant: ConfigurationSection {
  package static var defaults: Self { Self() }
  package static var fields: [ConfigurationField<Self>] { [Schedule.warmUp(\.warmUpEpochs)] }
}

extension Schedule.Cosine: ConfigurationSection {
  package static var defaults: Self { Self() }

  package static var fields: [ConfigurationField<Self>] {
    [
      Schedule.warmUp(\.warmUpEpochs),
      .value(
        "period", \.period, Limits<Int>.within(1...100_000).orAbsent(),
        "Epochs from the full rate to the lowest, and as many back (PyTorch's T_max); absent: all epochs."),
      .value("minimum", \.minimum, .within(0...1), "The lowest rate, as a share of the full one."),
    ]
  }
}

extension Schedule.CosineToZero: ConfigurationSection {
  package static var defaults: Self { Self() }
  package static var fields: [ConfigurationField<Self>] { [Schedule.warmUp(\.warmUpEpochs)] }
}

extension Schedule.MultiStep: ConfigurationSection {
  package static var defaults: Self { Self() }

  package static var fields: [ConfigurationField<Self>] {
    [
      Schedule.warmUp(\.warmUpEpochs),
      .value(
        "milestones", \.milestones, .distinct(1...100_000, atLeast: 1),
        "Epochs after which the rate is multiplied by `factor`."),
      .value("factor", \.factor, .within(0...1), "See `milestones`."),
    ]
  }

  package var conflict: (key: String, problem: String)? {
    milestones.isEmpty
      ? ("milestones", "a multiStep schedule needs at least one epoch in `milestones`") : nil
  }
}

extension Schedule.OneCycle: ConfigurationSection {
  package static var defaults: Self { Self() }

  package static var fields: [ConfigurationField<Self>] {
    [.value("rise", \.rise, .fraction(below: 1), "Share of training in which the rate rises.")]
  }
}

extension Schedule {
  /// Why it does not go with a number of epochs; nil where it does.
  func conflict(withEpochs epochs: Int) -> (key: String, problem: String)? {
    if case .multiStep(let curve) = self, let last = curve.milestones.max(), last >= epochs {
      return ("milestones", "the milestone \(last) is not before the end, epoch \(epochs)")
    }
    guard warmUpEpochs > 0, warmUpEpochs >= Double(epochs) else { return nil }
    return (
      "warmUpEpochs", "the warm-up of \(warmUpEpochs) epochs is not shorter than training, \(epochs)"
    )
  }
}
