import Foundation

/// How a view is made from an image. Probabilities are in [0, 1]; factors and shifts are drawn uniformly.
public struct AugmentationConfiguration: Codable, Sendable, Equatable {
  /// Probability of a horizontal flip.
  public var flip: Float
  /// The least share of the image's area that a crop keeps; the crop is scaled to the view's size. No crop
  /// when this and `largestArea` are both 1.
  public var smallestArea: Float
  /// The largest share; one is drawn uniformly between the two. At most 1.
  public var largestArea: Float
  /// The least ratio of a crop's width to its height, above 0; the logarithm of a ratio is drawn uniformly
  /// between the two.
  public var smallestAspect: Float
  /// The greatest ratio.
  public var largestAspect: Float
  /// Probability that brightness, contrast, saturation and hue change, in random order.
  public var jitter: Float
  /// Values are multiplied by a factor in `1 - x ... 1 + x`, at least 0.
  public var brightness: Float
  /// As `brightness`, of the distances from the image's mean grey.
  public var contrast: Float
  /// As `brightness`, of the distances from each pixel's own grey; grey images stay as they are.
  public var saturation: Float
  /// Hue moves by up to this share of the colour circle, at most 0.5.
  public var hue: Float
  /// Probability that colours are replaced by grey.
  public var grey: Float

  /// What is not given is left alone. The aspects are torchvision's, and matter with a crop only.
  public init(
    flip: Float = 0, smallestArea: Float = 1, largestArea: Float = 1, smallestAspect: Float = 3.0 / 4,
    largestAspect: Float = 4.0 / 3, jitter: Float = 0, brightness: Float = 0, contrast: Float = 0,
    saturation: Float = 0,
    hue: Float = 0, grey: Float = 0
  ) {
    self.flip = flip
    self.smallestArea = smallestArea
    self.largestArea = largestArea
    self.smallestAspect = smallestAspect
    self.largestAspect = largestAspect
    self.jitter = jitter
    self.brightness = brightness
    self.contrast = contrast
    self.saturation = saturation
    self.hue = hue
    self.grey = grey
  }

  /// Nothing is changed.
  public static let none = AugmentationConfiguration()

  /// The paper's views of colour images: flip, crop of 0.2 to 1 of the area, colour jitter 0.4/0.4/0.4/0.1,
  /// grey 0.2.
  public static let colour = AugmentationConfiguration(
    flip: 0.5, smallestArea: 0.2, jitter: 0.8, brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1,
    grey: 0.2)

  /// The paper's views of MNIST: the same without grey.
  public static let paperDigits = AugmentationConfiguration(
    flip: 0.5, smallestArea: 0.2, jitter: 0.8, brightness: 0.4, contrast: 0.4, saturation: 0.4, hue: 0.1)

  /// Views that leave digits readable: a mild crop and changes of ink, no flip.
  public static let digits = AugmentationConfiguration(
    smallestArea: 0.5, jitter: 0.8, brightness: 0.4, contrast: 0.4)
}
