import Foundation
import Tensors
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

  @Test func randomBytesAreRefused() throws {
    for seed in 0..<200 {
      var bytes = randomBytes(seed, seed: UInt64(seed))
      if seed % 2 == 0 && bytes.count > 3 { bytes.replaceSubrange(0..<3, with: [0x1f, 0x8b, 8]) }
      let path = try folder.write(bytes, "cifar-10-binary.tar.gz")
      #expect(formatError { _ = try IDXArray(path: path) } != nil)
      #expect(formatError { while try TarReader(path: path).next() != nil {} } != nil)
      #expect(formatError { _ = try CIFAR10.load(from: folder.path) } != nil)
    }
  }
}
