import Datasets

/// Random changes that make the two views of an image. Probabilities and strengths of 0 switch a change off.
extension Augmentation: ConfigurationSection {
  /// The paper's, without its flip, so that digits stay readable.
  package static var defaults: Self {
    var views = Augmentation.colour
    views.flip = 0
    return views
  }

  package static var fields: [ConfigurationField<Self>] {
    let probability = Limits<Double>.within(0...1)
    return [
      .value("flip", \.flip, probability, "Probability of a horizontal flip."),
      .value(
        "cropArea", \.cropArea, .interval(within: 0.01...1),
        "Share of the image's area that a random crop keeps."),
      .value("cropAspect", \.cropAspect, .interval(within: 0.1...10), "Width over height of a random crop."),
      .value("jitterProbability", \.jitter, probability, "Probability of the colour jitter."),
      .value("brightness", \.brightness, probability, "Jitter: brightness changes by up to this share."),
      .value("contrast", \.contrast, probability, "Jitter: contrast changes by up to this share."),
      .value(
        "saturation", \.saturation, probability,
        "Jitter: saturation changes by up to this share (colour images)."),
      .value(
        "hue", \.hue, .within(0...0.5), "Jitter: hue turns by up to this share of the circle (colour images)."
      ),
      .value("grey", \.grey, probability, "Probability of a grey copy (colour images)."),
    ]
  }
}
