import Basics
import Foundation
import Tensors

/// Makes views of a store's images: crop, flip, jitter, grey, then normalisation by the channels' mean and
/// deviation.
///
/// A view may have another size than the store's images. A crop is enlarged bilinearly; where it is larger
/// than the view, it is scaled with the antialiased filter of `LineFilter`, as torchvision does. Without a
/// crop (in evaluation too), the image's shorter side is scaled to `size * 256 / 224` and the centre kept;
/// where the sizes are equal, the image is taken as it is.
///
/// The colour operations are torchvision's, in floating point: brightness multiplies, contrast mixes with the
/// image's mean grey, saturation with each pixel's grey, hue turns in HSV; results are cut to [0, 1].
struct Augmenter: Sendable {
  let configuration: Augmentation
  let channels: Int
  /// Of the store's images.
  let height: Int
  let width: Int
  /// Of the views.
  let viewHeight: Int
  let viewWidth: Int
  let mean: [Float]
  let inverseDeviation: [Float]

  init(_ configuration: Augmentation, store: ImageStore, form: ImageForm) {
    let (mean, deviation, size) = (form.statistics.mean, form.statistics.deviation, form.size)
    require(
      mean.count == store.channels && deviation.count == store.channels,
      "\(mean.count) means and \(deviation.count) deviations for \(store.channels) channels")
    require(size.map { $0 > 0 } ?? true, "views of side \(size ?? 0)")
    self.configuration = configuration
    (channels, height, width) = (store.channels, store.height, store.width)
    (viewHeight, viewWidth) = (size ?? store.height, size ?? store.width)
    self.mean = mean
    inverseDeviation = deviation.map { 1 / $0 }
  }

  /// Lengths of a view's axes.
  var viewShape: [Int] { [channels, viewHeight, viewWidth] }
  /// Values of a view.
  var viewCount: Int { channels * viewHeight * viewWidth }

  private var keepsSize: Bool { viewHeight == height && viewWidth == width }

  /// Floats of scratch that `makeView` needs.
  var scratchCount: Int { keepsSize ? 5 * viewWidth : max(5 * viewWidth, filterScratchCount) }

  /// One view, `[channels, viewHeight, viewWidth]`, written to `view`.
  func makeView(
    _ image: UnsafePointer<UInt8>, using generator: inout RandomGenerator,
    into view: UnsafeMutablePointer<Float>,
    scratch: UnsafeMutablePointer<Float>
  ) {
    let flips = configuration.flip > 0 && generator.bool(probability: Float(configuration.flip))
    if configuration.cropArea != 1...1 {
      let crop = randomCrop(using: &generator)
      if crop.width > Float(viewWidth) || crop.height > Float(viewHeight) {
        filter(image, crop, flips: flips, into: view, scratch)
      } else {
        resample(image, crop, flips: flips, into: view, scratch)
      }
    } else {
      takeWhole(image, flips: flips, into: view, scratch)
    }
    let colours = ColourPlanes(view, channels: channels, plane: viewHeight * viewWidth)
    if configuration.jitter > 0 && generator.bool(probability: Float(configuration.jitter)) {
      jitter(colours, using: &generator)
    }
    if configuration.grey > 0 && generator.bool(probability: Float(configuration.grey)) { colours.makeGrey() }
    normalise(view)
  }

  /// The image as it is, or the centre of it scaled, normalised: for evaluation.
  func normalised(
    _ image: UnsafePointer<UInt8>, into view: UnsafeMutablePointer<Float>,
    scratch: UnsafeMutablePointer<Float>
  ) {
    takeWhole(image, flips: false, into: view, scratch)
    normalise(view)
  }

  /// A crop of random area and aspect, as torchvision draws it: ten tries, then the largest centred one
  /// within the aspects.
  func randomCrop(using generator: inout RandomGenerator) -> (x: Float, y: Float, width: Float, height: Float)
  {
    let c = configuration
    let (smallestArea, largestArea) = (Float(c.cropArea.lowerBound), Float(c.cropArea.upperBound))
    let (smallestAspect, largestAspect) = (Float(c.cropAspect.lowerBound), Float(c.cropAspect.upperBound))
    let area = Float(width * height)
    for _ in 0..<10 {
      let target = area * (smallestArea + (largestArea - smallestArea) * generator.uniform())
      let (low, high) = (log(smallestAspect), log(largestAspect))
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
    let cropWidth = ratio > largestAspect ? (Float(height) * largestAspect).rounded() : Float(width)
    let cropHeight = ratio < smallestAspect ? (Float(width) / smallestAspect).rounded() : Float(height)
    return (
      ((Float(width) - cropWidth) / 2).rounded(), ((Float(height) - cropHeight) / 2).rounded(), cropWidth,
      cropHeight
    )
  }

  private func normalise(_ view: UnsafeMutablePointer<Float>) {
    let plane = viewHeight * viewWidth
    for channel in 0..<channels {
      let (shift, scale) = (mean[channel], inverseDeviation[channel])
      let target = view + channel * plane
      for i in 0..<plane { target[i] = (target[i] - shift) * scale }
    }
  }

  private func jitter(_ colours: ColourPlanes, using generator: inout RandomGenerator) {
    func factor(_ strength: Double) -> Float { max(0, 1 + Float(strength) * (2 * generator.uniform() - 1)) }
    for operation in fourInRandomOrder(using: &generator) {
      switch operation {
      case 0: if configuration.brightness > 0 { colours.changeBrightness(factor(configuration.brightness)) }
      case 1: if configuration.contrast > 0 { colours.changeContrast(factor(configuration.contrast)) }
      case 2: if configuration.saturation > 0 { colours.changeSaturation(factor(configuration.saturation)) }
      default:
        if configuration.hue > 0 { colours.turnHue(Float(configuration.hue) * (2 * generator.uniform() - 1)) }
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
