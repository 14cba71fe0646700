import Basics
import CPNG
import Foundation
import TestSupport
import Testing

@testable import Datasets

/// Reads a PNG file with libpng: `[height, width, 3]`.
func readPNG(_ path: String) throws -> (width: Int, height: Int, pixels: [UInt8]) {
  var image = png_image()
  image.version = png_uint_32(PNG_IMAGE_VERSION)
  defer { png_image_free(&image) }
  try #require(png_image_begin_read_from_file(&image, path) != 0)
  image.format = spread_png_format_rgb
  var pixels = [UInt8](repeating: 0, count: Int(image.width) * Int(image.height) * 3)
  try #require(png_image_finish_read(&image, nil, &pixels, 0, nil) != 0)
  return (Int(image.width), Int(image.height), pixels)
}

@Suite struct ContactSheetTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  @Test(arguments: [1, 3]) func writesWhatLibpngReads(channels: Int) throws {
    let (width, height) = (37, 21)
    let pixels = randomBytes(width * height * channels, seed: 3)
    let path = folder.path + "/image.png"
    try PNGWriter.write(pixels, width: width, height: height, channels: channels, to: path)
    let image = try readPNG(path)
    #expect(image.width == width && image.height == height)
    #expect(image.pixels == (channels == 3 ? pixels : pixels.flatMap { [$0, $0, $0] }))
    #expect(folder.contents == ["image.png"])
    #expect(
      formatError {
        try PNGWriter.write(
          pixels, width: width, height: height, channels: channels, to: folder.path + "/none/image.png")
      } != nil)
  }

  /// Every image of the sheet is found in it, and nothing else of the data set.
  @Test func everyStratumHasItsImages() throws {
    let dataset = randomDataset(40, size: 32, seed: 5)
    let sheet = ContactSheet(dataset, count: 3, seed: 1)
    #expect(sheet.rows == ["p", "q", "r", "s"] && sheet.leftOut == 0)
    let path = folder.path + "/sheet.png"
    try sheet.write(to: path)
    let image = try readPNG(path)
    #expect(image.width == sheet.width && image.height == sheet.height)
    let found = images(of: dataset, in: image, scale: 2)
    let strata = (0..<4).map { stratum in found.count { dataset.strata[$0] == stratum } }
    #expect(strata == [3, 3, 3, 3])
    // The rows stand in the order of the strata.
    #expect(found.map { dataset.strata[$0] } == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3])
    #expect(images(of: dataset, in: try written(ContactSheet(dataset, count: 3, seed: 1)), scale: 2) == found)
    #expect(images(of: dataset, in: try written(ContactSheet(dataset, count: 3, seed: 2)), scale: 2) != found)
  }

  @Test func anImageThatIsNotChangedIsItsOwnView() throws {
    let dataset = randomDataset(4, channels: 1, size: 64, seed: 6)
    let image = try written(ContactSheet(dataset, count: 1, augmentation: Augmentation.none))
    #expect(images(of: dataset, in: image, scale: 1) == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3])
    let flipped = try written(
      ContactSheet(dataset, count: 1, augmentation: Augmentation(flip: 1)))
    #expect(images(of: dataset, in: flipped, scale: 1) == [0, 1, 2, 3])
  }

  @Test func aSheetIsNotLargerThanItMayBe() {
    let store = ImageStore(
      [UInt8](repeating: 9, count: 64 * 64), count: 1, channels: 1, height: 64, width: 64)
    let strata = Array(0..<2000)
    let many = ImageDataset(
      name: "many", store: store, indices: [Int](repeating: 0, count: 2000),
      labels: [Int](repeating: 0, count: 2000), strata: strata, classNames: ["all"],
      stratumNames: strata.map(String.init))
    let sheet = ContactSheet(many, count: 10)
    #expect(sheet.width * sheet.height <= ContactSheet.largestArea)
    #expect(sheet.leftOut > 0 && sheet.rows.count + sheet.leftOut == 2000)
  }

  private func written(_ sheet: ContactSheet) throws -> (width: Int, height: Int, pixels: [UInt8]) {
    let path = folder.path + "/sheet.png"
    try sheet.write(to: path)
    return try readPNG(path)
  }

  /// The places of a data set's images in a picture, row by row: where the first lines of both agree.
  private func images(
    of dataset: ImageDataset, in image: (width: Int, height: Int, pixels: [UInt8]), scale: Int
  ) -> [Int] {
    let store = dataset.store
    let plane = store.height * store.width
    // The first line of each image as it stands in the picture, by which it is found.
    let lines: [[UInt8]: Int] = Dictionary(
      uniqueKeysWithValues: (0..<dataset.count).map { place in
        let start = place * store.imageSize
        let line = (0..<store.width * scale).flatMap { x in
          (0..<3).map { store.bytes[start + ($0 % store.channels) * plane + x / scale] }
        }
        return (line, place)
      })
    let length = store.width * scale * 3
    var found: [Int] = []
    for y in stride(from: 0, to: image.height, by: 1) {
      // Lines come `scale` times; the first counts.
      for x in 0..<(image.width - store.width * scale) {
        let start = (y * image.width + x) * 3
        guard image.pixels[start] != 255 || image.pixels[start + 1] != 255 else { continue }
        if let place = lines[Array(image.pixels[start..<(start + length)])],
          y == 0
            || Array(image.pixels[(start - image.width * 3)..<(start - image.width * 3 + length)])
              != Array(image.pixels[start..<(start + length)])
        {
          found.append(place)
        }
      }
    }
    return found
  }
}
