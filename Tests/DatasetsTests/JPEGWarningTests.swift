import Basics
import CTurboJPEG
import Foundation
import TestSupport
import Testing

@testable import Datasets

/// Oddities of JPEG files that change no pixel, and damage that may.
@Suite struct JPEGWarningTests {
  private let folder: TemporaryFolder
  init() throws { folder = try TemporaryFolder() }

  private static func sample(isProgressive: Bool = false, channels: Int = 3) -> [UInt8] {
    jpeg(
      picture(width: 50, height: 41, channels: channels), width: 50, height: 41, channels: channels,
      isProgressive: isProgressive)
  }

  /// The pixels, and what libjpeg warned of.
  private func decoded(_ file: [UInt8], size: Int = 20) throws -> (pixels: [UInt8], warning: String?) {
    let decoder = ImageDecoder(size: size)
    let pixels = try decoder.decoded(folder.write(file, "any.jpg"))
    return (pixels, decoder.warning)
  }

  private func marker(_ code: UInt8, in file: [UInt8], after start: Int = 0) throws -> Int {
    try #require(
      file.indices.dropFirst(start).first { $0 + 1 < file.count && file[$0] == 0xff && file[$0 + 1] == code })
  }

  @Test(arguments: [false, true], [1, 3, 40, 1000]) func strayBytesBeforeTheEnd(
    isProgressive: Bool, count: Int
  ) throws {
    let sound = Self.sample(isProgressive: isProgressive)
    let end = sound.count - 2
    // Bytes of 0 and 255 among them; long ones are met by libjpeg, short ones it may take for padding.
    for stray in [[UInt8](repeating: 0x55, count: count), (0..<count).map { $0 % 3 == 0 ? 0 : 0x20 }] {
      let (pixels, warning) = try decoded(sound[..<end] + stray + sound[end...])
      #expect(try pixels == decoded(sound).pixels)
      #expect(count < 10 || warning?.contains("extraneous bytes") == true)
      // Also where the image is reduced while it is decoded.
      #expect(
        try decoded(sound[..<end] + stray + sound[end...], size: 8).pixels == decoded(sound, size: 8).pixels)
    }
  }

  @Test func strayBytesBetweenSegments() throws {
    for isProgressive in [false, true] {
      let sound = Self.sample(isProgressive: isProgressive)
      var changed = sound
      for code: UInt8 in [0xdb, 0xc4, 0xda] {
        changed.insert(contentsOf: [1, 2, 3, 0xff, 0, 7, 7, 9], at: try marker(code, in: changed))
      }
      changed.insert(contentsOf: [UInt8](repeating: 9, count: 30), at: changed.count - 2)
      let (pixels, warning) = try decoded(changed)
      #expect(try pixels == decoded(sound).pixels && warning != nil)
    }
  }

  /// Behind the first scan of several.
  @Test func strayBytesBetweenScans() throws {
    let sound = Self.sample(isProgressive: true)
    var scan = try marker(0xda, in: sound)
    for _ in 0..<3 {
      let next = try #require(
        (scan + 2..<sound.count - 1).first { sound[$0] == 0xff && ![0, 0xff].contains(sound[$0 + 1]) })
      var changed = sound
      changed.insert(contentsOf: [UInt8](repeating: 0x33, count: 25), at: next)
      let (pixels, warning) = try decoded(changed)
      #expect(try pixels == decoded(sound).pixels && warning?.contains("extraneous") == true)
      scan = try marker(0xda, in: sound, after: next)
    }
  }

  @Test func unknownVersionsAndTransforms() throws {
    let sound = Self.sample()
    var version = sound
    let start = try marker(0xe0, in: sound)
    #expect(version[(start + 4)...].starts(with: "JFIF".utf8))
    version[start + 9] = 7
    #expect(try decoded(version) == (decoded(sound).pixels, "Warning: unknown JFIF revision number 7.01"))

    let ink = Self.sample(channels: 4)
    var transform = ink
    let adobe = try #require(ink.indices.first { ink[$0...].starts(with: "Adobe".utf8) })
    transform[adobe + 11] = 9
    #expect(try decoded(transform).warning?.contains("Adobe") == true)
    #expect(try decoded(ink).warning == nil)
  }

  @Test func parametersThatMeanNothing() throws {
    let sound = Self.sample()
    var changed = sound
    let scan = try marker(0xda, in: sound)
    let end = scan + 2 + Int(sound[scan + 2]) << 8 + Int(sound[scan + 3])
    changed[end - 2] = 62
    #expect(try decoded(changed) == (decoded(sound).pixels, "Invalid SOS parameters for sequential JPEG"))
  }

  /// A harmless oddity hides no damage: libjpeg gives only the first of its warnings.
  @Test func damageBehindAnOddityIsFound() throws {
    let sound = Self.sample()
    var odd = sound
    odd[try marker(0xe0, in: sound) + 9] = 7
    odd.insert(contentsOf: [1, 2, 3], at: try marker(0xdb, in: odd))
    #expect(try decoded(odd).pixels == decoded(sound).pixels)
    for cut in [odd.count - 2, odd.count * 2 / 3, odd.count / 2] {
      let error = formatError { _ = try decoded(Array(odd[..<cut])) }
      #expect(error?.description.contains("remature end") == true, "\(cut): \(String(describing: error))")
    }
    // Data that end before their pixels do, with an end mark.
    let short = odd[..<(odd.count - 300)] + [0xff, 0xd9]
    #expect(formatError { _ = try decoded(Array(short)) }?.description.contains("premature end") == true)
  }

  /// A file with its last scan written so many times more.
  private func repeatingTheLastScan(of file: [UInt8], _ times: Int) throws -> [UInt8] {
    let last = try #require(file.indices.last { file[$0...].starts(with: [0xff, 0xda]) })
    var result = Array(file.dropLast(2))
    for _ in 0..<times { result += file[last..<(file.count - 2)] }
    return result + [0xff, 0xd9]
  }

  @Test func moreScansThanAPictureNeedsAreRefusedSoon() throws {
    let grey = jpeg(
      picture(width: 64, height: 64, channels: 1), width: 64, height: 64, channels: 1, isProgressive: true)
    let colour = jpeg(picture(width: 64, height: 64), width: 64, height: 64, isProgressive: true)
    for file in [grey, colour] {
      let error = try #require(formatError { _ = try decoded(repeatingTheLastScan(of: file, 600)) })
      #expect(error.description.contains("scans of 4096 pixels"))
    }
  }

  @Test func fewScansOfManyPixelsAreRefusedSoon() throws {
    let large = jpeg(
      [UInt8](repeating: 99, count: 4096 * 4096), width: 4096, height: 4096, channels: 1, isProgressive: true)
    let clock = ContinuousClock()
    let bomb = try repeatingTheLastScan(of: large, 100)
    let time = clock.measure { #expect(formatError { _ = try decoded(bomb) } != nil) }
    #expect(time < .seconds(5))
  }
}
