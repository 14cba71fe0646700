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

/// Makes views of a store's images: crop, flip, jitter, grey, then normalisation by the channels' mean and
/// deviation.
///
/// The colour operations are torchvision's, in floating point: brightness multiplies, contrast mixes with the
/// image's mean grey, saturation with each pixel's grey, hue turns in HSV; results are cut to [0, 1].
struct Augmenter: Sendable {
  let configuration: AugmentationConfiguration
  let channels: Int
  let height: Int
  let width: Int
  let mean: [Float]
  let inverseDeviation: [Float]

  init(_ configuration: AugmentationConfiguration, store: ImageStore, mean: [Float], deviation: [Float]) {
    require(
      mean.count == store.channels && deviation.count == store.channels,
      "\(mean.count) means and \(deviation.count) deviations for \(store.channels) channels")
    self.configuration = configuration
    (channels, height, width) = (store.channels, store.height, store.width)
    self.mean = mean
    inverseDeviation = deviation.map { 1 / $0 }
  }

  /// Floats of scratch that `makeView` needs.
  var scratchCount: Int { 5 * width }

  /// One view, `[channels, height, width]`, written to `view`.
  func makeView(
    _ image: UnsafePointer<UInt8>, using generator: inout RandomGenerator,
    into view: UnsafeMutablePointer<Float>,
    scratch: UnsafeMutablePointer<Float>
  ) {
    let flips = configuration.flip > 0 && generator.bool(probability: configuration.flip)
    if configuration.smallestArea < 1 || configuration.largestArea < 1 {
      let crop = randomCrop(using: &generator)
      resample(image, crop, flips: flips, into: view, scratch)
    } else {
      copy(image, flips: flips, into: view)
    }
    let colours = ColourPlanes(view, channels: channels, plane: height * width)
    if configuration.jitter > 0 && generator.bool(probability: configuration.jitter) {
      jitter(colours, using: &generator)
    }
    if configuration.grey > 0 && generator.bool(probability: configuration.grey) { colours.makeGrey() }
    normalise(view)
  }

  /// The image as it is, normalised: for evaluation.
  func normalised(_ image: UnsafePointer<UInt8>, into view: UnsafeMutablePointer<Float>) {
    copy(image, flips: false, into: view)
    normalise(view)
  }

  /// A crop of random area and aspect, as torchvision draws it: ten tries, then the largest centred one
  /// within the aspects.
  func randomCrop(using generator: inout RandomGenerator) -> (x: Float, y: Float, width: Float, height: Float)
  {
    let c = configuration
    let area = Float(width * height)
    for _ in 0..<10 {
      let target = area * (c.smallestArea + (c.largestArea - c.smallestArea) * generator.uniform())
      let (low, high) = (log(c.smallestAspect), log(c.largestAspect))
      let aspect = exp(low + (high - low) * generator.uniform())
      let cropWidth = (target * aspect).squareRoot().rounded()
      let cropHeight = (target / aspect).squareRoot().rounded()
      if cropWidth >= 1 && cropHeight >= 1 && cropWidth <= Float(width) && cropHeight <= Float(height) {
        let x = generator.below(width - Int(cropWidth) + 1)
        let y = generator.below(height - Int(cropHeight) + 1)
        return (Float(x), Float(y), cropWidth, cropHeight)
      }
    }
    let ratio = Float(width) / Float(height)
    let cropWidth = ratio > c.largestAspect ? (Float(height) * c.largestAspect).rounded() : Float(width)
    let cropHeight = ratio < c.smallestAspect ? (Float(width) / c.smallestAspect).rounded() : Float(height)
    return (
      ((Float(width) - cropWidth) / 2).rounded(), ((Float(height) - cropHeight) / 2).rounded(), cropWidth,
      cropHeight
    )
  }

  /// Bilinear, pixel centres at halves, edges repeated.
  private func resample(
    _ image: UnsafePointer<UInt8>, _ crop: (x: Float, y: Float, width: Float, height: Float), flips: Bool,
    into view: UnsafeMutablePointer<Float>, _ scratch: UnsafeMutablePointer<Float>
  ) {
    let (left, right, share) = (scratch, scratch + width, scratch + 2 * width)
    for x in 0..<width {
      let place = axisPlace(flips ? width - 1 - x : x, crop.x, crop.width / Float(width), crop.width)
      left[x] = Float(place.low)
      right[x] = Float(place.high)
      share[x] = place.share
    }
    for channel in 0..<channels {
      // A crop is mostly enlarged, so neighbouring target rows share source rows: two are kept, already at the
      // target's width.
      var (above, below) = (scratch + 3 * width, scratch + 4 * width)
      var (rowAbove, rowBelow) = (-1, -1)
      func stretch(_ row: Int, into target: UnsafeMutablePointer<Float>) {
        let source = image + (channel * height + row) * width
        for x in 0..<width {
          let (l, r) = (Float(source[Int(left[x])]), Float(source[Int(right[x])]))
          target[x] = l + share[x] * (r - l)
        }
      }
      for y in 0..<height {
        let row = axisPlace(y, crop.y, crop.height / Float(height), crop.height)
        if row.low != rowAbove {
          if row.low == rowBelow {
            swap(&above, &below)
            rowBelow = rowAbove
          } else {
            stretch(row.low, into: above)
          }
          rowAbove = row.low
        }
        if row.high != rowBelow {
          stretch(row.high, into: below)
          rowBelow = row.high
        }
        let target = view + (channel * height + y) * width
        for x in 0..<width { target[x] = (above[x] + row.share * (below[x] - above[x])) * (1 / 255) }
      }
    }
  }

  /// The two source pixels of a target pixel along one axis, within the crop, and the share of the second.
  private func axisPlace(_ target: Int, _ start: Float, _ scale: Float, _ length: Float) -> (
    low: Int, high: Int, share: Float
  ) {
    let source = min(max((Float(target) + 0.5) * scale - 0.5, 0), length - 1)
    let low = source.rounded(.down)
    let high = min(low + 1, length - 1)
    return (Int(start + low), Int(start + high), source - low)
  }

  private func copy(_ image: UnsafePointer<UInt8>, flips: Bool, into view: UnsafeMutablePointer<Float>) {
    for row in 0..<channels * height {
      let (source, target) = (image + row * width, view + row * width)
      if flips {
        for x in 0..<width { target[x] = Float(source[width - 1 - x]) * (1 / 255) }
      } else {
        for x in 0..<width { target[x] = Float(source[x]) * (1 / 255) }
      }
    }
  }

  private func normalise(_ view: UnsafeMutablePointer<Float>) {
    let plane = height * width
    for channel in 0..<channels {
      let (shift, scale) = (mean[channel], inverseDeviation[channel])
      let target = view + channel * plane
      for i in 0..<plane { target[i] = (target[i] - shift) * scale }
    }
  }

  private func jitter(_ colours: ColourPlanes, using generator: inout RandomGenerator) {
    func factor(_ strength: Float) -> Float { max(0, 1 + strength * (2 * generator.uniform() - 1)) }
    for operation in fourInRandomOrder(using: &generator) {
      switch operation {
      case 0: if configuration.brightness > 0 { colours.changeBrightness(factor(configuration.brightness)) }
      case 1: if configuration.contrast > 0 { colours.changeContrast(factor(configuration.contrast)) }
      case 2: if configuration.saturation > 0 { colours.changeSaturation(factor(configuration.saturation)) }
      default:
        if configuration.hue > 0 { colours.turnHue(configuration.hue * (2 * generator.uniform() - 1)) }
      }
    }
  }

  /// One of the 24 orders, without an array on the heap.
  private func fourInRandomOrder(using generator: inout RandomGenerator) -> FourNumbers {
    FourNumbers(order: generator.below(24))
  }
}

/// The numbers 0 to 3 in the order with a given rank.
struct FourNumbers: Sequence, IteratorProtocol {
  private var left: UInt32 = 0x3210
  private var count = 4
  private var order: Int

  init(order: Int) { self.order = order }

  mutating func next() -> Int? {
    guard count > 0 else { return nil }
    let place = UInt32(order % count * 4)
    order /= count
    count -= 1
    let number = (left >> place) & 0xf
    let below = left & ((1 << place) - 1)
    left = ((left >> (place + 4)) << place) | below
    return Int(number)
  }
}
