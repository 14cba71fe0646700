import Basics
import Foundation
import TestSupport
import Testing

@testable import Datasets

@Suite struct MNISTTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  /// Four small files of MNIST's form: an image is of one grey, 20 times its digit; digits come in turn.
  private func writeFiles(_ place: String, suffix: String = ".gz", training: Int = 30, test: Int = 10) throws
  {
    try FileManager.default.createDirectory(
      atPath: "\(folder.path)/\(place)", withIntermediateDirectories: true)
    for (part, count) in [("train", training), ("t10k", test)] {
      let digits = (0..<count).map { UInt8($0 % 10) }
      let images = idx(shape: [count, 28, 28], digits.flatMap { [UInt8](repeating: $0 * 20, count: 784) })
      let labels = idx(shape: [count], digits)
      for (name, bytes) in [("images-idx3", images), ("labels-idx1", labels)] {
        let contents = suffix == ".gz" ? try gzipped(bytes) : bytes
        try folder.write(contents, "\(place)/\(part)-\(name)-ubyte\(suffix)")
      }
    }
  }

  @Test(arguments: ["mnist", "MNIST", "MNIST/raw", "."], [".gz", ""])
  func filesAreFoundWherePeopleKeepThem(place: String, suffix: String) throws {
    try writeFiles(place, suffix: suffix)
    let data = try MNIST.load(from: folder.path)
    #expect(data.training.count == 30 && data.test.count == 10)
    let inTurn = (0..<30).map { $0 % 10 }
    #expect(data.training.labels == inTurn)
    #expect(data.training.store.bytes[784 * 13] == 60)
    #expect(data.source.contains("contents other than"))
  }

  /// As 7-Zip, WinZip, Kaggle and Windows leave them.
  @Test(
    arguments: [
      { (name: String) in name.replacing("-idx", with: ".idx") },
      { (name: String) in name.replacing("-idx", with: ".idx") + ".gz" },
      { (name: String) in name.uppercased() },
      { (name: String) in "\(name)/\(name)" },
      { (name: String) in
        "\(name.replacing("-idx", with: ".idx"))/\(name.replacing("-idx", with: ".idx"))"
      },
      { (name: String) in "\(name).gz/\(name)" },
    ] as [@Sendable (String) -> String])
  func filesThatAnUnpackerNamedOtherwiseAreFoundAndNamed(rename: @Sendable (String) -> String)
    throws
  {
    try writeFiles("mnist", suffix: "")
    let place = folder.path + "/mnist"
    // One file stays as it is: layouts may be mixed.
    for name in MNIST.names.dropFirst() {
      try FileManager.default.moveItem(atPath: "\(place)/\(name)", toPath: place + "/moved")
      let other = "\(place)/\(rename(name))"
      try FileManager.default.createDirectory(
        atPath: (other as NSString).deletingLastPathComponent, withIntermediateDirectories: true)
      try FileManager.default.moveItem(atPath: place + "/moved", toPath: other)
    }
    let data = try MNIST.load(from: folder.path)
    #expect(data.training.count == 30 && data.test.count == 10)
    #expect(data.source.hasPrefix("MNIST, \(place) (under other names: "))
    #expect(MNIST.names.dropFirst().allSatisfy { data.source.contains(rename($0)) })
    #expect(!data.source.contains(MNIST.names[0]))
  }

  @Test func aFolderOfTheFilesNameWithoutTheFileIsMissing() throws {
    try writeFiles("mnist")
    let lost = folder.path + "/mnist/t10k-labels-idx1-ubyte.gz"
    try FileManager.default.removeItem(atPath: lost)
    try FileManager.default.createDirectory(atPath: lost, withIntermediateDirectories: true)
    let error = try #require(throws: MissingDataError.self) { try MNIST.load(from: folder.path) }
    #expect(error.missing == ["t10k-labels-idx1-ubyte"])
  }

  @Test func foldersThatWereLookedIntoAreNamedInFull() {
    let error = MissingDataError(
      dataset: "X", missing: ["a"], searched: ["data/mnist", "/b"], advice: "Get it.")
    #expect(error.searched == [FileManager.default.currentDirectoryPath + "/data/mnist", "/b"])
  }

  @Test func coarseClassesAreBelowFiveAndFromFiveOn() throws {
    try writeFiles("mnist")
    let coarse = try MNIST.loadCoarse(from: folder.path)
    for part in [coarse.training, coarse.test] {
      #expect(part.name == "MNIST-Coarse" && part.classNames.count == 2 && part.stratumNames.count == 10)
      #expect(zip(part.labels, part.strata).allSatisfy { $0 == ($1 < 5 ? 0 : 1) })
      let inTurn = (0..<part.count).map { $0 % 10 }
      #expect(part.strata == inTurn)
    }
  }

  @Test func missingFilesAreNamedWithWhereTheyWereSoughtAndHowToGetThem() throws {
    try writeFiles("mnist")
    try FileManager.default.removeItem(atPath: folder.path + "/mnist/t10k-labels-idx1-ubyte.gz")
    let error = try #require(throws: MissingDataError.self) { try MNIST.load(from: folder.path) }
    #expect(error.missing == ["t10k-labels-idx1-ubyte"])
    #expect(error.searched.contains(folder.path + "/mnist") && error.searched.count == 4)
    #expect(error.description.contains("SPREAD_DATA") && error.description.contains("https://"))
    #expect(throws: MissingDataError.self) { try MNIST.load(from: nil) }
  }

  @Test func filesThatDoNotFitAreErrorsThatNameThem() throws {
    func expectError(_ name: String, _ bytes: [UInt8], byte: Int?) throws {
      try writeFiles("mnist")
      let path = try folder.write(bytes, "mnist/\(name).gz")
      let error = try #require(formatError { _ = try MNIST.load(from: folder.path) }, "\(name)")
      #expect(error.file == path)
      #expect(error.byte == byte)
    }
    let labels = "train-labels-idx1-ubyte"
    try expectError(labels, idx(shape: [29], [UInt8](repeating: 1, count: 29)), byte: 4)
    try expectError(labels, idx(shape: [30], [UInt8](repeating: 10, count: 30)), byte: 8)
    let images = "t10k-images-idx3-ubyte"
    try expectError(images, idx(shape: [10, 27, 28], randomBytes(7560, seed: 2)), byte: 4)
    try expectError(images, idx(shape: [10, 784], randomBytes(7840, seed: 2)), byte: 4)
    try expectError(images, Array("<html>404</html>".utf8), byte: 0)
  }

  @Test(.enabled(if: ProcessInfo.processInfo.environment["SPREAD_DATA"] != nil, "set SPREAD_DATA"))
  func theRealFilesAreThePublishedOnes() throws {
    let root = try #require(ProcessInfo.processInfo.environment["SPREAD_DATA"])
    let data: DatasetSplits
    do { data = try MNIST.load(from: root) } catch is MissingDataError { return }
    #expect(!data.source.contains("contents other than"))
    #expect(data.training.count == 60_000 && data.test.count == 10_000)
    let store = data.training.store
    #expect(store.channels == 1 && store.height == 28 && store.width == 28)
    let sizes = (0..<10).map { digit in data.training.labels.count { $0 == digit } }
    #expect(sizes == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949])
    let statistics = data.training.channelStatistics()
    #expect(abs(statistics.mean[0] - 0.1307) < 1e-4 && abs(statistics.deviation[0] - 0.3081) < 1e-4)
    // MD5 of the decompressed files as published.
    let published = [
      "train-images-idx3-ubyte": "6bbc9ace898e44ae57da46a324031adb",
      "train-labels-idx1-ubyte": "a25bea736e30d166cdddb491f175f624",
      "t10k-images-idx3-ubyte": "2646ac647ad5339dbf082846283269ea",
      "t10k-labels-idx1-ubyte": "27ae3e4e09519cfbb04c329615203637",
    ]
    for (name, digest) in published {
      let places = ["mnist", "MNIST", "MNIST/raw", "."].flatMap {
        ["\(root)/\($0)/\(name).gz", "\(root)/\($0)/\(name)"]
      }
      let path = try #require(places.first { FileManager.default.fileExists(atPath: $0) })
      let copy = try folder.write(try contents(of: path, piece: 1 << 20), name)
      #expect(try md5(copy) == digest, "\(name)")
    }
  }

  private func md5(_ path: String) throws -> String {
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = ["md5sum", path]
    let pipe = Pipe()
    process.standardOutput = pipe
    try process.run()
    let output = pipe.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    return String(decoding: output.prefix(32), as: UTF8.self)
  }
}
