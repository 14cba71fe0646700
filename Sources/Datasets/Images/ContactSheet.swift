import Basics
import Foundation
import Tensors

/// Some images of each stratum side by side, a row each under the name of its class: a picture of a data set.
public struct ContactSheet: Sendable {
  /// What the sheet's rows were made of, from the top.
  public let rows: [String]
  /// Strata with images that did not fit on the sheet.
  public let leftOut: Int
  private let canvas: Canvas

  /// In pixels.
  public var width: Int { canvas.width }
  /// In pixels.
  public var height: Int { canvas.height }

  /// More pixels than this are not drawn.
  static let largestArea = 50_000_000

  /// - Parameters:
  ///   - count: images of each stratum (all where there are fewer)
  ///   - seed: chooses images and views
  ///   - augmentation: nil: the images as they are. Otherwise each is followed by two views, as training makes them:
  ///     normalised by `statistics`, and turned back into colours here.
  ///   - viewSize: side of the views; nil: that of the images
  public init(
    _ dataset: ImageDataset, count: Int, seed: UInt64 = 0, augmentation: Augmentation? = nil,
    viewSize: Int? = nil
  ) {
    require(count >= 1, "a contact sheet of \(count) images a stratum")
    let layout = Layout(dataset, count: count, isAugmented: augmentation != nil, viewSize: viewSize)
    let groups = Layout.groups(dataset, count: count, seed: seed)
    let shown = layout.fitting(groups)
    (rows, leftOut) = (shown.map(\.title), groups.count - shown.count)
    var canvas = Canvas(width: layout.width, height: layout.height(shown))
    let views = augmentation.map {
      Views(dataset, $0, ImageForm(dataset.channelStatistics(), size: viewSize), seed: seed)
    }
    var top = Layout.margin
    for group in shown {
      if let heading = group.heading {
        canvas.draw(heading, x: Layout.margin, y: top + 6, grey: 0)
        top += Layout.headingHeight
      }
      let middle = top + (layout.tile - Layout.textHeight) / 2
      canvas.draw(group.name, x: Layout.margin + 8, y: middle - 9, grey: 40)
      canvas.draw(grouped(group.total), x: Layout.margin + 8, y: middle + 9, grey: 110)
      for (column, place) in group.places.enumerated() {
        let left = layout.left(column)
        canvas.draw(dataset.pixels(place), x: left, y: top, scale: layout.scale)
        guard let views else { continue }
        for (number, view) in views.make(place).enumerated() {
          canvas.draw(view, x: left + (number + 1) * (layout.tile + 2), y: top, scale: layout.scale)
        }
      }
      top += layout.tile + Layout.gap
    }
    self.canvas = canvas
  }

  /// - Throws: `FileFormatError` when the file cannot be written.
  public func write(to path: String) throws {
    try PNGWriter.write(canvas.pixels, width: canvas.width, height: canvas.height, channels: 3, to: path)
  }
}

/// A stratum's row.
private struct Group {
  /// The class, before its first stratum; nil where classes and strata are the same.
  var heading: String?
  var name: String
  var total: Int
  var places: [Int]

  var title: String { name }
}

/// Places on the sheet, in pixels.
private struct Layout {
  static let margin = 12
  static let gap = 4
  static let textScale = 2
  static let textHeight = BitmapFont.height * textScale
  static let headingHeight = textHeight + 16

  let scale: Int
  let tile: Int
  /// Of an image with its views.
  let cell: Int
  let labelWidth: Int
  let count: Int

  init(_ dataset: ImageDataset, count: Int, isAugmented: Bool, viewSize: Int?) {
    let side = max(dataset.store.height, dataset.store.width, viewSize ?? 1)
    scale = max(1, 64 / side)
    tile = side * scale
    cell = isAugmented ? 3 * tile + 2 * 2 + 12 : tile + Self.gap
    self.count = count
    let longest = (dataset.stratumNames + dataset.classNames).map(\.count).max() ?? 0
    labelWidth = 8 + (min(longest, 32) + 1) * BitmapFont.advance * Self.textScale
  }

  var width: Int { 2 * Self.margin + labelWidth + count * cell }
  func left(_ column: Int) -> Int { Self.margin + labelWidth + column * cell }

  func height(_ groups: [Group]) -> Int {
    2 * Self.margin + groups.reduce(0) { $0 + height($1) }
  }

  private func height(_ group: Group) -> Int {
    tile + Self.gap + (group.heading == nil ? 0 : Self.headingHeight)
  }

  /// As many groups as the largest sheet has room for, at least one.
  func fitting(_ groups: [Group]) -> [Group] {
    var rest = ContactSheet.largestArea / width - 2 * Self.margin
    let fitting = groups.prefix {
      rest -= height($0)
      return rest >= 0
    }
    return Array(fitting.isEmpty ? groups.prefix(1) : fitting)
  }

  /// The strata that have points, by class.
  static func groups(_ dataset: ImageDataset, count: Int, seed: UInt64) -> [Group] {
    let areTheSame = dataset.labels == dataset.strata && dataset.classNames == dataset.stratumNames
    let strata = dataset.stratumNames.count
    var totals: [Int: Int] = [:]
    var chosen: [Int: [Int]] = [:]
    // A stratum may have points of several classes (wrong labels do that): each pair is a row.
    for place in dataset.labels.indices {
      totals[dataset.labels[place] * strata + dataset.strata[place], default: 0] += 1
    }
    var generator = RandomGenerator(seed: seed)
    for place in generator.permutation(dataset.count) {
      let key = dataset.labels[place] * strata + dataset.strata[place]
      if chosen[key, default: []].count < count { chosen[key, default: []].append(place) }
    }
    var lastClass = -1
    return chosen.keys.sorted().map { key in
      let (label, stratum) = (key / strata, key % strata)
      let heading = areTheSame || label == lastClass ? nil : dataset.classNames[label]
      lastClass = label
      return Group(
        heading: heading, name: dataset.stratumNames[stratum], total: totals[key]!,
        places: chosen[key]!.sorted())
    }
  }
}

/// Two views of a point, as bytes.
private struct Views {
  private let dataset: ImageDataset
  private let augmenter: Augmenter
  private let statistics: PixelStatistics
  private let generator: RandomGenerator

  init(_ dataset: ImageDataset, _ augmentation: Augmentation, _ form: ImageForm, seed: UInt64) {
    self.dataset = dataset
    statistics = form.statistics
    augmenter = Augmenter(augmentation, store: dataset.store, form: form)
    generator = RandomGenerator(seed: seed).stream(1)
  }

  func make(_ place: Int) -> [Picture] {
    let store = dataset.store
    var random = generator.stream(UInt64(place))
    return (0..<2).map { _ in
      var view = [Float](repeating: 0, count: augmenter.viewCount)
      var scratch = [Float](repeating: 0, count: augmenter.scratchCount)
      store.bytes.withUnsafeBufferPointer { bytes in
        augmenter.makeView(
          bytes.baseAddress! + dataset.indices[place] * store.imageSize, using: &random, into: &view,
          scratch: &scratch)
      }
      let plane = augmenter.viewHeight * augmenter.viewWidth
      let values = view.enumerated().map { i, value in
        let channel = i / plane
        let colour = value * statistics.deviation[channel] + statistics.mean[channel]
        return UInt8(min(max(colour, 0), 1) * 255 + 0.5)
      }
      return Picture(
        planes: values, channels: store.channels, height: augmenter.viewHeight, width: augmenter.viewWidth)
    }
  }
}

/// An image of 8 bits a channel, plane by plane.
private struct Picture {
  let planes: [UInt8]
  let channels: Int
  let height: Int
  let width: Int
}

extension ImageDataset {
  fileprivate func pixels(_ place: Int) -> Picture {
    let start = indices[place] * store.imageSize
    return Picture(
      planes: Array(store.bytes[start..<(start + store.imageSize)]), channels: store.channels,
      height: store.height, width: store.width)
  }
}

/// What is drawn on: red, green and blue, white at first.
private struct Canvas {
  let width: Int
  let height: Int
  private(set) var pixels: [UInt8]

  init(width: Int, height: Int) {
    self.width = width
    self.height = height
    pixels = [UInt8](repeating: 255, count: width * height * 3)
  }

  private mutating func set(_ x: Int, _ y: Int, _ red: UInt8, _ green: UInt8, _ blue: UInt8) {
    guard x >= 0 && y >= 0 && x < width && y < height else { return }
    let place = (y * width + x) * 3
    (pixels[place], pixels[place + 1], pixels[place + 2]) = (red, green, blue)
  }

  mutating func draw(_ picture: Picture, x: Int, y: Int, scale: Int) {
    let plane = picture.height * picture.width
    for row in 0..<picture.height * scale {
      for column in 0..<picture.width * scale {
        let place = row / scale * picture.width + column / scale
        let colour = (0..<3).map { picture.planes[picture.channels == 3 ? $0 * plane + place : place] }
        set(x + column, y + row, colour[0], colour[1], colour[2])
      }
    }
  }

  /// At most 32 characters of a text.
  mutating func draw(_ text: String, x: Int, y: Int, grey: UInt8) {
    let scale = Layout.textScale
    for (number, character) in text.prefix(32).enumerated() {
      let left = x + number * BitmapFont.advance * scale
      for (row, bits) in BitmapFont.rows(character).enumerated() {
        for column in 0..<BitmapFont.width where bits >> UInt8(BitmapFont.width - 1 - column) & 1 == 1 {
          for dy in 0..<scale {
            for dx in 0..<scale {
              set(left + column * scale + dx, y + row * scale + dy, grey, grey, grey)
            }
          }
        }
      }
    }
  }
}
