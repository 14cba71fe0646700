/// How a view is made from an image. Probabilities are in [0, 1]; factors and shifts are drawn uniformly.
public struct Augmentation: Sendable, Equatable {
  /// Probability of a horizontal flip.
  public var flip: Double
  /// The least and the largest share of the image's area that a crop keeps, one being drawn uniformly between them; the
  /// crop is scaled to the view's size. No crop when both are 1.
  public var cropArea: ClosedRange<Double>
  /// The least and the greatest ratio of a crop's width to its height, above 0; the logarithm of a ratio is drawn uniformly.
  public var cropAspect: ClosedRange<Double>
  /// Probability that brightness, contrast, saturation and hue change, in random order.
  public var jitter: Double
  /// Values are multiplied by a factor in `1 - x ... 1 + x`, at least 0.
  public var brightness: Double
  /// As `brightness`, of the distances from the image's mean grey.
  public var contrast: Double
  /// As `brightness`, of the distances from each pixel's own grey; grey images stay as they are.
  public var saturation: Double
  /// Hue moves by up to this share of the colour circle, at most 0.5.
  public var hue: Double
  /// Probability that colours are replaced by grey.
  public var grey: Double

  /// What is not given is left alone. The aspects are torchvision's, and matter with a crop only.
  public init(
    flip: Double = 0, cropArea: ClosedRange<Double> = 1...1,
    cropAspect: ClosedRange<Double> = 0.75...(4.0 / 3.0), jitter: Double = 0, brightness: Double = 0,
    contrast: Double = 0, saturation: Double = 0, hue: Double = 0, grey: Double = 0
  ) {
    (self.flip, self.cropArea, self.cropAspect) = (flip, cropArea, cropAspect)
    (self.jitter, self.brightness, self.contrast) = (jitter, brightness, contrast)
    (self.saturation, self.hue, self.grey) = (saturation, hue, grey)
  }

  /// Nothing is changed.
  public static let none = Augmentation()

  /// The paper's views of colour images: flip, crop of 0.2 to 1 of the area, colour jitter 0.4/0.4/0.4/0.1,
  /// grey 0.2.
  public static let colour = Augmentation(
    flip: 0.5, cropArea: 0.2...1, jitter: 0.8, brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1,
    grey: 0.2)

  /// The paper's views of MNIST: the same without grey.
  public static let paperDigits = Augmentation(
    flip: 0.5, cropArea: 0.2...1, jitter: 0.8, brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1)

  /// Views that leave digits readable: a mild crop and changes of ink, no flip.
  public static let digits = Augmentation(
    cropArea: 0.5...1, jitter: 0.8, brightness: 0.4, contrast: 0.4)
}
