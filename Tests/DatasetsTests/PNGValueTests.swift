import Basics
import Foundation
import TestSupport
import Testing

@testable import Datasets

/// What chunks say of colours changes no value.
@Suite struct PNGValueTests {
  private let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  private static func number(_ value: Int) -> [UInt8] { [24, 16, 8, 0].map { UInt8(value >> $0 & 0xff) } }

  private static let chunks: [[(name: String, contents: [UInt8])]] = [
    [("gAMA", number(100_000))], [("gAMA", number(55_556))], [("gAMA", number(22_727))],
    [("gAMA", number(45_455))], [("sRGB", [0])], [("gAMA", number(100_000)), ("sRGB", [1])],
    [
      ("gAMA", number(100_000)),
      ("cHRM", [31_270, 32_900, 70_000, 20_000, 17_000, 79_000, 13_000, 4_000].flatMap(number)),
    ],
    [("cICP", [9, 16, 0, 1])], [("iCCP", Array("profile".utf8) + [0, 0, 1, 2, 3])],
    [("gAMA", number(30_000)), ("tEXt", Array("Comment\0text".utf8)), ("zTXt", Array("a\0\0not zlib".utf8))],
    [("gAMA", [1]), ("sBIT", [5, 5, 5]), ("bKGD", [0, 9, 0, 9, 0, 9])],
  ]

  private func decoded(_ file: [UInt8]) throws -> [UInt8] {
    try ImageDecoder(size: 12).decoded(folder.write(file, "any.png"))
  }

  @Test(arguments: chunks.indices) func valuesAreThoseOfTheFile(chunks: Int) throws {
    let chunks = Self.chunks[chunks]
    let colours = randomBytes(3 * 144, seed: 1)
    let planes = (0..<3).flatMap { channel in
      stride(from: channel, to: colours.count, by: 3).map { colours[$0] }
    }
    #expect(try decoded(png(colours, width: 12, height: 12, chunks: chunks)) == planes)

    let grey = Array(colours[..<144])
    #expect(try decoded(png(grey, width: 12, height: 12, kind: .grey, chunks: chunks)) == grey + grey + grey)

    // 16 bits: the nearest of value / 257, whatever the low byte.
    let deep = randomBytes(288, seed: 2)
    let nearest = stride(from: 0, to: 288, by: 2).map { i -> UInt8 in
      UInt8((Double(Int(deep[i]) << 8 + Int(deep[i + 1])) / 257).rounded())
    }
    let shades = try decoded(png(deep, width: 12, height: 12, kind: .grey, depth: 16, chunks: chunks))
    #expect(Array(shades[..<144]) == nearest)

    let bits: [UInt8] = (0..<12).flatMap { _ in [0b0001_1011, 0b1110_0100, 0b0101_1010] as [UInt8] }
    let row: [UInt8] = (0..<12).map { bits[$0 / 4] >> UInt8(6 - 2 * ($0 % 4)) & 3 * 85 }
    let two = try decoded(png(bits, width: 12, height: 12, kind: .grey, depth: 2, chunks: chunks))
    #expect(Array(two[..<12]) == row)
  }

  @Test(arguments: [PNGKind.grey, .colour, .greyAndAlpha, .colourAndAlpha], [8, 16])
  func interlacedFilesHaveTheSameValues(kind: PNGKind, depth: Int) throws {
    let samples = randomBytes(144 * kind.samples * depth / 8, seed: 4)
    func file(isInterlaced: Bool) -> [UInt8] {
      png(samples, width: 12, height: 12, kind: kind, depth: depth, isInterlaced: isInterlaced)
    }
    #expect(try decoded(file(isInterlaced: true)) == decoded(file(isInterlaced: false)))
  }

  @Test func aChunkThatPromisesMoreThanThereIsIsRefusedBeforeItTakesMemory() throws {
    var file = png(randomBytes(144, seed: 5), width: 12, height: 12, kind: .grey)
    file.insert(contentsOf: [0x7f, 0xff, 0xff, 0xff] + Array("tEXt".utf8), at: 33)
    let error = try #require(formatError { _ = try decoded(file) })
    #expect(error.description.contains("ends within a chunk"))
  }

  @Test(arguments: chunks.indices) func transparencyIsThatOfTheFile(chunks: Int) throws {
    let chunks = Self.chunks[chunks]
    func onWhite(_ value: UInt8, _ alpha: UInt8) -> UInt8 {
      255 - UInt8((Double(255 - value) * Double(alpha) / 255).rounded())
    }
    let pairs = randomBytes(288, seed: 3)
    let greyAndAlpha = try decoded(png(pairs, width: 12, height: 12, kind: .greyAndAlpha, chunks: chunks))
    #expect(Array(greyAndAlpha[..<144]) == (0..<144).map { onWhite(pairs[2 * $0], pairs[2 * $0 + 1]) })

    let four = randomBytes(576, seed: 4)
    let all = try decoded(png(four, width: 12, height: 12, kind: .colourAndAlpha, chunks: chunks))
    #expect(Array(all[144..<288]) == (0..<144).map { onWhite(four[4 * $0 + 1], four[4 * $0 + 3]) })

    let palette = randomBytes(3 * 64, seed: 5)
    let alphas = randomBytes(30, seed: 6)
    let places = randomBytes(144, seed: 7).map { $0 & 63 }
    let colours = try decoded(
      png(
        places, width: 12, height: 12, kind: .palette,
        chunks: chunks.filter { $0.name != "bKGD" } + [("PLTE", palette), ("tRNS", alphas)]))
    let expected = places.map { onWhite(palette[3 * Int($0)], $0 < 30 ? alphas[Int($0)] : 255) }
    #expect(Array(colours[..<144]) == expected)
  }

  /// Chunks that are passed over hide no damage of the others.
  @Test func whatIsDamagedIsStillRefused() throws {
    let colours = randomBytes(3 * 144, seed: 1)
    let sound = png(
      colours, width: 12, height: 12, chunks: [("tEXt", Array("a\0b".utf8)), ("gAMA", [0, 0, 1, 0])])
    for place in [20, sound.count - 30, sound.count - 100] {
      var changed = sound
      changed[place] ^= 4
      let error = formatError { _ = try decoded(changed) }
      #expect(error?.description.contains("PNG is damaged") == true, "byte \(place)")
    }
    // A text whose length leads beyond the end, and a file that ends within a text.
    var long = sound
    long[33] = 0x40
    #expect(formatError { _ = try decoded(long) } != nil)
    #expect(formatError { _ = try decoded(Array(sound[..<40])) } != nil)
    #expect(formatError { _ = try decoded(Array(sound[..<(sound.count - 14)])) } != nil)
    #expect(try decoded(sound + [1, 2, 3]).count == 3 * 144)
  }
}
