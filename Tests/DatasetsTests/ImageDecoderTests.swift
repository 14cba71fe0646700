import Basics
import CTurboJPEG
import Foundation
import TestSupport
import Testing

@testable import Datasets

@Suite struct ImageDecoderTests {
  private let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  private func planes(_ pixels: [UInt8], channels: Int = 3) -> [UInt8] {
    (0..<channels).flatMap { channel in
      stride(from: channel, to: pixels.count, by: channels).map { pixels[$0] }
    }
  }

  private func largestDifference(_ a: [UInt8], _ b: [UInt8]) -> Int {
    a.count == b.count ? zip(a, b).map { abs(Int($0) - Int($1)) }.max() ?? 0 : .max
  }

  private func meanDifference(_ a: [UInt8], _ b: [UInt8]) -> Double {
    Double(zip(a, b).reduce(0) { $0 + abs(Int($1.0) - Int($1.1)) }) / Double(a.count)
  }

  @Test(arguments: [TJSAMP_444, TJSAMP_420, TJSAMP_422], [false, true])
  func aJPEGIsReadAsItWasMade(sampling: TJSAMP, isProgressive: Bool) throws {
    let pixels = picture(width: 64, height: 64)
    let path = try folder.write(
      jpeg(pixels, width: 64, height: 64, sampling: sampling, quality: 97, isProgressive: isProgressive),
      "a.jpg")
    let result = try ImageDecoder(size: 64).decoded(path)
    // Less colour is kept where it is sampled less often.
    #expect(meanDifference(result, planes(pixels)) < (sampling == TJSAMP_444 ? 2 : 6))
  }

  @Test func greyAndColourAreGivenAsAskedFor() throws {
    let grey = picture(width: 48, height: 48, channels: 1)
    let greyPath = try folder.write(jpeg(grey, width: 48, height: 48, channels: 1), "grey.jpg")
    let asColour = try ImageDecoder(size: 48).decoded(greyPath)
    #expect(asColour[..<2304] == asColour[2304..<4608] && asColour[..<2304] == asColour[4608...])
    #expect(meanDifference(Array(asColour[..<2304]), grey) < 2)
    #expect(try ImageDecoder(size: 48, channels: 1).decoded(greyPath) == Array(asColour[..<2304]))

    let colour = picture(width: 48, height: 48)
    let colourPath = try folder.write(jpeg(colour, width: 48, height: 48, sampling: TJSAMP_444), "colour.jpg")
    let expected = stride(from: 0, to: colour.count, by: 3).map { i -> UInt8 in
      let (red, green, blue) = (Double(colour[i]), Double(colour[i + 1]), Double(colour[i + 2]))
      return UInt8((0.299 * red + 0.587 * green + 0.114 * blue).rounded())
    }
    #expect(meanDifference(try ImageDecoder(size: 48, channels: 1).decoded(colourPath), expected) < 2)
    let sameAsPNG = try folder.write(png(colour, width: 48, height: 48), "colour.png")
    #expect(largestDifference(try ImageDecoder(size: 48, channels: 1).decoded(sameAsPNG), expected) <= 1)
  }

  /// libjpeg marks four-colour files as Adobe's, in which 255 is no ink; without the mark, 255 is full ink.
  @Test func fourColoursAreInkedOntoWhite() throws {
    let (width, height) = (32, 32)
    let ink = picture(width: width, height: height, channels: 4)
    let file = jpeg(ink, width: width, height: height, channels: 4, sampling: TJSAMP_444, quality: 98)
    let marked = try ImageDecoder(size: 32).decoded(folder.write(file, "marked.jpg"))
    func expected(_ turn: Int) -> [UInt8] {
      (0..<3).flatMap { channel in
        stride(from: 0, to: ink.count, by: 4).map { i in
          UInt8(((Int(ink[i + channel]) ^ turn) * (Int(ink[i + 3]) ^ turn) * 2 + 255) / 510)
        }
      }
    }
    #expect(meanDifference(marked, expected(0)) < 3)
    // Without the mark: one colour, whose bytes are then taken as they were stored for YCCK, where ink of 55
    // in three colours is a brightness of 200 and no hue (128).
    let even = jpeg(
      (0..<256).flatMap { _ in [55, 55, 55, 100] as [UInt8] }, width: 16, height: 16, channels: 4,
      sampling: TJSAMP_444, quality: 100)
    let adobe = try #require(even.indices.first { even[$0...].starts(with: "Adobe".utf8) })
    let unmarked = Array(even[..<(adobe - 4)] + even[(adobe + 12)...])
    let colours = try ImageDecoder(size: 1).decoded(folder.write(unmarked, "unmarked.jpg"))
    #expect(largestDifference(colours, [33, 77, 77]) <= 1)
  }

  @Test func everyKindOfPNGBecomesEightBitColours() throws {
    let pixels = picture(width: 20, height: 20)
    let decoder = ImageDecoder(size: 20)
    #expect(try decoder.decoded(folder.write(png(pixels, width: 20, height: 20), "a.png")) == planes(pixels))

    // 16 bits: the high byte decides, to the nearest.
    let deep = pixels.flatMap { [$0, $0] }
    let deepPath = try folder.write(png(deep, width: 20, height: 20, depth: 16), "deep.png")
    #expect(largestDifference(try decoder.decoded(deepPath), planes(pixels)) <= 1)

    let grey = Array(pixels[..<400])
    let greyPath = try folder.write(png(grey, width: 20, height: 20, kind: .grey), "grey.png")
    #expect(try decoder.decoded(greyPath) == grey + grey + grey)

    // One bit a pixel, rows filled to whole bytes.
    let bits: [UInt8] = (0..<20).flatMap { _ in [0b1010_1010, 0b1111_0000, 0b1100_0000] as [UInt8] }
    let bitsPath = try folder.write(png(bits, width: 20, height: 20, kind: .grey, depth: 1), "bits.png")
    let row: [UInt8] = (0..<20).map { bits[$0 / 8] >> UInt8(7 - $0 % 8) & 1 == 1 ? 255 : 0 }
    #expect(Array(try decoder.decoded(bitsPath)[..<20]) == row)

    let colours = randomBytes(3 * 200, seed: 5)
    let places = randomBytes(400, seed: 6).map { $0 % 200 }
    let palettePath = try folder.write(
      png(places, width: 20, height: 20, kind: .palette, chunks: [("PLTE", colours)]), "palette.png")
    #expect(
      try decoder.decoded(palettePath)
        == planes(places.flatMap { colours[(3 * Int($0))..<(3 * Int($0) + 3)] }))
  }

  @Test func transparencyIsLaidOntoWhite() throws {
    let pixels = randomBytes(4 * 100, seed: 7)
    let path = try folder.write(png(pixels, width: 10, height: 10, kind: .colourAndAlpha), "a.png")
    let expected = (0..<3).flatMap { channel in
      (0..<100).map { i -> UInt8 in
        let alpha = Double(pixels[4 * i + 3]) / 255
        return UInt8((alpha * Double(pixels[4 * i + channel]) + (1 - alpha) * 255).rounded())
      }
    }
    #expect(largestDifference(try ImageDecoder(size: 10).decoded(path), expected) <= 1)
    let grey = png([9, 0, 200, 255, 7, 255, 0, 128], width: 2, height: 2, kind: .greyAndAlpha)
    let shades = try ImageDecoder(size: 2, channels: 1).decoded(folder.write(grey, "grey.png"))
    #expect(shades == [255, 200, 7, 127])
  }

  /// libjpeg's own reduction stands for the first halvings; what remains is the filter's.
  @Test func aReducedImageIsNearlyTheOneScaledWhole() throws {
    #expect(ImageDecoder.eighths(width: 400, height: 300, size: 256) == 8)
    #expect(ImageDecoder.eighths(width: 512, height: 600, size: 256) == 4)
    #expect(ImageDecoder.eighths(width: 511, height: 600, size: 256) == 8)
    #expect(ImageDecoder.eighths(width: 4000, height: 3000, size: 300) == 1)
    let (width, height) = (333, 250)
    let pixels = picture(width: width, height: height)
    let path = try folder.write(jpeg(pixels, width: width, height: height, sampling: TJSAMP_444), "large.jpg")
    let whole = try folder.write(png(pixels, width: width, height: height), "large.png")
    for size in [30, 50, 100] {
      let decoder = ImageDecoder(size: size)
      let (reduced, exact) = (try decoder.decoded(path), try decoder.decoded(whole))
      #expect(meanDifference(reduced, exact) < 2.5, "\(size)")
    }
  }

  @Test func damagedFilesAreRefusedByName() throws {
    let whole = jpeg(picture(width: 80, height: 60), width: 80, height: 60)
    let portable = png(picture(width: 30, height: 30), width: 30, height: 30)
    var damaged = portable
    damaged[portable.count / 2] ^= 0x10
    let cases: [([UInt8], String)] = [
      (Array(whole[..<(whole.count * 2 / 3)]), "JPEG"), (Array(whole[..<100]), "JPEG"),
      (Array(whole[..<(whole.count - 2)]), "JPEG"),
      (Array(portable[..<(portable.count * 2 / 3)]), "PNG"), (damaged, "PNG"),
      ([], "empty"), (Array("GIF89a".utf8), "47 49 46 38"),
    ]
    for (i, (bytes, part)) in cases.enumerated() {
      let path = try folder.write(bytes, "damaged-\(i)")
      let error = try #require(formatError { _ = try ImageDecoder(size: 16).decoded(path) }, "case \(i)")
      #expect(error.file == path && error.description.contains(part), "case \(i): \(error)")
    }
    #expect(formatError { _ = try ImageDecoder(size: 8).decoded(folder.path) } != nil)
    #expect(formatError { _ = try ImageDecoder(size: 8).decoded(folder.path + "/none.jpg") } != nil)
  }

  /// The size is refused before memory is asked for.
  @Test func imagesOfTooManyPixelsAreRefused() throws {
    var long = png([UInt8](repeating: 0, count: 4), width: 4, height: 1, kind: .grey)
    for (width, height) in [(20_000, 3), (3, 20_000), (16_000, 16_000), (0x7fff_ffff, 0x7fff_ffff)] {
      for (place, value) in [(16, width), (20, height)] {
        for i in 0..<4 { long[place + i] = UInt8(value >> (24 - 8 * i) & 0xff) }
      }
      let checksum = Gzip.checksum(Array(long[12..<29]))
      for i in 0..<4 { long[29 + i] = UInt8(checksum >> (24 - 8 * UInt32(i)) & 0xff) }
      let path = try folder.write(long, "long.png")
      #expect(formatError { _ = try ImageDecoder(size: 8).decoded(path) }?.file == path)
    }
    var wide = jpeg(picture(width: 16, height: 16), width: 16, height: 16)
    let frame = try #require(wide.indices.first { wide[$0] == 0xff && wide[$0 + 1] == 0xc0 })
    for (i, byte) in [0xfd, 0xe8, 0xfd, 0xe8].enumerated() { wide[frame + 5 + i] = UInt8(byte) }
    let error = formatError { _ = try ImageDecoder(size: 8).decoded(folder.write(wide, "wide.jpg")) }
    #expect(error?.description.contains("65000 x 65000") == true)
  }

  @Test func aDecoderGoesOnAfterADamagedFile() throws {
    let pixels = picture(width: 40, height: 40)
    let good = try folder.write(jpeg(pixels, width: 40, height: 40), "good.jpg")
    let bad = try folder.write(jpeg(pixels, width: 40, height: 40)[..<300], "bad.jpg")
    let decoder = ImageDecoder(size: 20)
    let first = try decoder.decoded(good)
    #expect(formatError { _ = try decoder.decoded(bad) } != nil)
    #expect(try decoder.decoded(good) == first)
  }
}
