import Foundation
import Tensors

/// How a view is made from an image. Probabilities are in [0, 1]; factors and shifts are drawn uniformly.
public struct AugmentationConfiguration: Codable, Sendable, Equatable {
  /// Probability of a horizontal flip.
  public var flip: Float
  /// Share of the image's area that a crop keeps, and the ratio of its width to its height; the crop is
  /// scaled to the image's size. No crop when the areas are both 1.
  public var smallestArea: Float
  public var largestArea: Float
  public var smallestAspect: Float
  public var largestAspect: Float
  /// Probability that brightness, contrast, saturation and hue change, in random order.
  public var jitter: Float
  /// Brightness, contrast and saturation are multiplied by a factor in `1 - x ... 1 + x`.
  public var brightness: Float
  public var contrast: Float
  public var saturation: Float
  /// Hue moves by up to this share of the colour circle, at most 0.5.
  public var hue: Float
  /// Probability that colours are replaced by grey.
  public var grey: Float

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
