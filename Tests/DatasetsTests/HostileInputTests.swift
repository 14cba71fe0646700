import Basics
import CTurboJPEG
import Foundation
import TestSupport
import Testing

@testable import Datasets

/// Every reader with mutated files. In a row, so that the peak of memory is one reader's.
@Suite(.serialized) struct HostileInputTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func compressed(_ bytes: [UInt8]) throws -> [UInt8] { try gzipped(bytes, level: 1) }

  // MARK: - Gzip

  @Test func gzip() throws {
    let text = Array(repeatElement(Array("a line that comes again. ".utf8), count: 30).joined())
    let originals = [
      try gzipped(text), try gzipped(randomBytes(200, seed: 1), level: 1), try gzipped([]) + gzipped(text),
      text,
    ]
    try Mutations(originals: originals, seed: 30, focus: [0..<20]).run(in: folder, file: "any.gz") {
      path, size in
      let count = try contents(of: path).count
      #expect(count <= size * GzipReader.largestRatio)
    }
  }

  // MARK: - IDX

  private static let array = idx(shape: [4, 5, 6], randomBytes(120, seed: 11).map { $0 & 0x1f })

  @Test func idxArrays() throws {
    let originals = [Self.array, idx(type: 0x0b, shape: [3, 2], randomBytes(12, seed: 12))]
    let mutations = Mutations(originals: originals, seed: 31, wrap: compressed, focus: [0..<16])
    try mutations.run(in: folder, file: "array") { path, size in
      let array = try IDXArray(path: path)
      #expect(array.shape.reduce(1, *) * array.type.size == array.raw.count)
      #expect(array.raw.count <= size * GzipReader.largestRatio)
    }
  }

  /// One file of the set changes, the others stay.
  @Test(arguments: ["train-images", "train-labels", "train-strata"]) func idxDataset(file: String) throws {
    let sample = IDXSample()
    try sample.write(to: folder)
    let original = try #require(sample.files.first { $0.name == file }).contents
    let mutations = Mutations(originals: [original], seed: 32, wrap: compressed, focus: [0..<16])
    try mutations.run(in: folder, file: "\(file).idx") { _, _ in
      let data = try IDXDataset.load(from: folder.path)
      #expect(data.training.count == data.training.store.count && data.test.count == 4)
      #expect(data.training.classNames.count <= 65_536 && data.training.stratumNames.count <= 65_536)
    }
  }

  @Test func names() throws {
    try IDXSample().write(to: folder)
    let original = Array(IDXSample.names.utf8)
    try Mutations(originals: [original], seed: 33).run(in: folder, file: "names.json") { _, _ in
      let data = try IDXDataset.load(from: folder.path)
      #expect(data.training.count == 6)
    }
  }

  // MARK: - Tar

  /// Headers of an archive whose sums are set right again, so that what is behind the sum is reached.
  private func withChecksums(_ archive: [UInt8]) -> [UInt8] {
    var result = archive
    for start in stride(from: 0, to: max(0, archive.count - 511), by: 512)
    where Array(archive[(start + 257)..<(start + 262)]) == Array("ustar".utf8) {
      result.replaceSubrange(
        start..<(start + 512), with: Tar.withChecksum(Array(archive[start..<(start + 512)])))
    }
    return result
  }

  @Test func tar() throws {
    let long = String(repeating: "long/", count: 30)
    let originals = [
      Tar.header("folder/", size: 0, type: "5") + Tar.file("folder/one", randomBytes(700, seed: 2))
        + Tar.pax([("path", long + "name"), ("size", "3")]) + Tar.file("short", [1, 2, 3])
        + Tar.header("link", size: 0, type: "2", link: "one") + Tar.end,
      Tar.file("././@LongLink", Array(long.utf8) + [0], type: "L") + Tar.file("short", [1])
        + Tar.file("name", [2, 3], prefix: "pre/fix") + Tar.end,
    ]
    let headers = (0..<8).map { $0 * 512..<($0 * 512 + 280) }
    let mutations = Mutations(
      originals: originals, seed: 34, wrap: { try compressed(withChecksums($0)) }, focus: headers)
    try mutations.run(in: folder, file: "archive.tar") { path, size in
      let reader = try TarReader(path: path)
      var total = 0
      var buffer = [UInt8](repeating: 0, count: 256)
      while let entry = try reader.next() {
        #expect(!entry.name.hasPrefix("/") && !entry.name.split(separator: "/").contains(".."))
        #expect(entry.name.utf8.count <= TarReader.longestName * 3)
        while case let count = try buffer.withUnsafeMutableBytes({ try reader.read(into: $0) }), count > 0 {
          total += count
        }
      }
      #expect(total <= size * GzipReader.largestRatio)
    }
  }

  // MARK: - CIFAR

  @Test(arguments: [false, true]) func cifarArchives(isHundred: Bool) throws {
    let sample = CIFARSample(isHundred: isHundred, records: isHundred ? 3 : 1, testRecords: 1)
    let headers = (0..<30).map { $0 * 512..<($0 * 512 + 280) }
    let mutations = Mutations(
      originals: [sample.archive], seed: isHundred ? 36 : 35, wrap: { try compressed(withChecksums($0)) },
      focus: headers)
    let name = isHundred ? "cifar-100-binary.tar" : "cifar-10-binary.tar"
    try mutations.run(in: folder, file: name) { path, size in
      let data =
        try isHundred ? CIFAR100.loadCoarse(from: folder.path) : CIFAR10.loadCoarse(from: folder.path)
      for part in [data.training, data.test] {
        #expect(part.count == part.store.count && part.store.bytes.count == part.count * 3072)
        #expect(part.store.bytes.count <= size * GzipReader.largestRatio)
      }
    }
  }

  @Test(arguments: ["data_batch_2.bin", "batches.meta.txt"]) func cifarFolders(file: String) throws {
    let sample = CIFARSample(records: 1, testRecords: 1)
    try sample.writeFolder(in: folder.path)
    let original = try #require(sample.files.first { $0.name == file }).contents
    let mutations = Mutations(originals: [original], seed: 37, focus: file.hasSuffix("bin") ? [0..<1] : [])
    try mutations.run(in: folder, file: "\(sample.folderName)/\(file)") { _, _ in
      let data = try CIFAR10.load(from: folder.path)
      #expect(data.training.count == data.training.store.count && data.training.count >= 4)
    }
  }

  // MARK: - Images and their tables

  private func decode(_ path: String, size: Int) throws {
    #expect(try ImageDecoder(size: size).decoded(path).count == 3 * size * size)
  }

  @Test func jpegFiles() throws {
    let originals = [
      jpeg(picture(width: 40, height: 33), width: 40, height: 33, quality: 80),
      jpeg(picture(width: 40, height: 33), width: 40, height: 33, quality: 80, isProgressive: true),
      jpeg(picture(width: 24, height: 24, channels: 1), width: 24, height: 24, channels: 1),
      jpeg(
        picture(width: 17, height: 9, channels: 4), width: 17, height: 9, channels: 4, sampling: TJSAMP_444),
    ]
    try Mutations(originals: originals, seed: 38, focus: [0..<30, 150..<700]).run(in: folder, file: "any.jpg")
    {
      path, _ in try decode(path, size: 12)
    }
  }

  /// A PNG's chunks with their checksums set right again.
  private func withChunkChecksums(_ file: [UInt8]) -> [UInt8] {
    var result = file
    var place = 8
    while place + 12 <= file.count {
      let length = file[place..<(place + 4)].reduce(0) { $0 << 8 | Int($1) }
      guard place + 12 + length <= file.count else { break }
      let end = place + 8 + length
      let sum = Gzip.checksum(Array(file[(place + 4)..<end]))
      for i in 0..<4 { result[end + i] = UInt8(sum >> (24 - 8 * UInt32(i)) & 0xff) }
      place = end + 4
    }
    return result
  }

  @Test func pngFiles() throws {
    let colours = picture(width: 20, height: 14)
    let originals = [
      png(colours, width: 20, height: 14),
      png(randomBytes(16 * 16 * 4, seed: 3), width: 16, height: 16, kind: .colourAndAlpha),
      png(
        randomBytes(400, seed: 4).map { $0 & 63 }, width: 20, height: 20, kind: .palette,
        chunks: [
          ("gAMA", [0, 0, 0xb1, 0x8f]), ("PLTE", randomBytes(192, seed: 5)),
          ("tRNS", randomBytes(30, seed: 6)),
        ]),
      png(randomBytes(200, seed: 7), width: 10, height: 10, kind: .grey, depth: 16),
    ]
    let mutations = Mutations(
      originals: originals, seed: 39, wrap: { withChunkChecksums($0) }, focus: [8..<60, 60..<330])
    try mutations.run(in: folder, file: "any.png") { path, _ in try decode(path, size: 9) }
  }

  @Test func commaSeparatedTables() throws {
    let birds =
      "img_id,img_filename,y,split,place,place_filename\n1,a.png,0,0,0,\"/b/bamboo, forest/1.jpg\"\r\n"
      + "2,\"b.png\",1,1,1,/o/ocean/1.jpg\n3,c.png,1,2,0,\"say \"\"so\"\"\"\n"
    try FileManager.default.createDirectory(
      atPath: folder.path + "/waterbirds", withIntermediateDirectories: true)
    for name in ["a", "b", "c", "d"] {
      try folder.write(png([9, 8, 7], width: 1, height: 1), "waterbirds/\(name).png")
    }
    let cache = try TemporaryFolder()
    let header = 0..<50
    try Mutations(originals: [Array(birds.utf8)], seed: 40, focus: [header, 50..<160]).run(
      in: folder, file: "waterbirds/metadata.csv"
    ) { _, _ in
      do {
        let data = try Waterbirds.load(from: folder.path, size: 2, cache: cache.path)
        #expect(
          data.training.count + (data.validation?.count ?? 0) + data.test.count == data.training.store.count)
      } catch let error as MissingDataError {
        // A changed name is that of an image that is not there.
        throw FileFormatError(folder.path, error.description)
      }
    }
  }

  @Test func tablesOfFieldsBetweenBlanks() throws {
    let text = "3\nBlond_Hair Male Young\n000001.jpg  -1  1 -1\n000002.jpg 1 -1 1\n000003.jpg  1  1  1\n"
    let parts = "000001.jpg 0\n000002.jpg 1\n000003.jpg 2\n"
    try FileManager.default.createDirectory(
      atPath: folder.path + "/celeba", withIntermediateDirectories: true)
    try folder.write(parts.utf8, "celeba/list_eval_partition.txt")
    try Mutations(originals: [Array(text.utf8)], seed: 41, focus: [24..<90]).run(
      in: folder, file: "celeba/list_attr_celeba.txt"
    ) { _, _ in
      let table = try CelebA.table(in: folder.path)
      #expect(table.entries.count <= 3 && table.entries.allSatisfy { (0..<4).contains($0.stratum) })
    }
  }

  @Test func randomBytesAreRefused() throws {
    for seed in 0..<200 {
      var bytes = randomBytes(seed, seed: UInt64(seed))
      if seed % 2 == 0 && bytes.count > 3 { bytes.replaceSubrange(0..<3, with: [0x1f, 0x8b, 8]) }
      let path = try folder.write(bytes, "cifar-10-binary.tar.gz")
      #expect(formatError { _ = try IDXArray(path: path) } != nil)
      #expect(formatError { while try TarReader(path: path).next() != nil {} } != nil)
      #expect(formatError { _ = try CIFAR10.load(from: folder.path) } != nil)
      #expect(formatError { _ = try ImageDecoder(size: 4).decoded(path) } != nil)
    }
  }
}
