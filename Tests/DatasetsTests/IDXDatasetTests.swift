import Basics
import Foundation
import TestSupport
import Testing

@testable import Datasets

/// Six training, two validation and four test images of 5 x 4 in two classes and three strata.
struct IDXSample {
  static let names = #"{"classes": ["cat", "dog"], "strata": ["black cat", "tabby", "dog"]}"#
  var channels: Int? = nil

  var files: [(name: String, contents: [UInt8])] {
    [("train", 6), ("validation", 2), ("test", 4)].flatMap { part, count in
      let strata = (0..<count).map { UInt8($0 % 3) }
      let shape = [count] + (channels.map { [$0] } ?? []) + [5, 4]
      return [
        ("\(part)-images", idx(shape: shape, randomBytes(shape.reduce(1, *), seed: UInt64(count)))),
        ("\(part)-labels", idx(shape: [count], strata.map { $0 == 2 ? 1 : 0 })),
        ("\(part)-strata", idx(shape: [count], strata)),
      ]
    }
  }

  func write(to folder: TemporaryFolder, suffix: String = "") throws {
    for (name, contents) in files {
      try folder.write(suffix == ".gz" ? try gzipped(contents) : contents, "\(name).idx\(suffix)")
    }
  }
}

@Suite struct IDXDatasetTests {
  let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private func remove(_ name: String) throws {
    for suffix in ["", ".gz"] {
      try? FileManager.default.removeItem(atPath: "\(folder.path)/\(name).idx\(suffix)")
    }
  }

  @Test(arguments: [nil, 1, 3], ["", ".gz"])
  func imagesClassesAndStrataComeTogether(channels: Int?, suffix: String) throws {
    let sample = IDXSample(channels: channels)
    try sample.write(to: folder, suffix: suffix)
    try folder.write(IDXSample.names.utf8, "names.json")
    let data = try IDXDataset.load(from: folder.path)
    #expect(data.training.labels == [0, 0, 1, 0, 0, 1] && data.training.strata == [0, 1, 2, 0, 1, 2])
    #expect(data.validation?.count == 2 && data.test.count == 4)
    #expect(data.training.store.shape == [channels ?? 1, 5, 4])
    #expect(
      Array(data.training.store.bytes) == Array(sample.files[0].contents.suffix(20 * 6 * (channels ?? 1))))
    #expect(data.training.classNames == ["cat", "dog"])
    #expect(data.test.stratumNames == ["black cat", "tabby", "dog"])
  }

  @Test(arguments: ["-idx3-ubyte", ".idx3-ubyte", "-idx1-ubyte.gz", ".IDX1-UBYTE", ".idx3"])
  func filesThatAreNamedAsOthersNameThemAreFound(suffix: String) throws {
    let sample = IDXSample()
    for (name, contents) in sample.files { try folder.write(contents, name + suffix) }
    let data = try IDXDataset.load(from: folder.path)
    #expect(data.training.count == 6 && data.validation?.count == 2 && data.test.count == 4)
    #expect(data.training.strata == [0, 1, 2, 0, 1, 2])
    #expect(
      data.source.contains(
        "under other names: train-images\(suffix), train-labels\(suffix), train-str"))
  }

  @Test func withoutStrataAndNamesTheNumbersOfTheClassesServe() throws {
    try IDXSample().write(to: folder)
    for part in ["train", "validation", "test"] { try remove("\(part)-strata") }
    for what in ["images", "labels"] { try remove("validation-\(what)") }
    let data = try IDXDataset.load(from: folder.path)
    #expect(data.validation == nil)
    #expect(data.training.strata == data.training.labels)
    #expect(data.training.classNames == ["0", "1"] && data.training.stratumNames == ["0", "1"])
  }

  @Test func numbersMayBeWide() throws {
    try IDXSample().write(to: folder)
    let wide: [Int32] = [0, 65_535, 70, 3, 3, 3]
    func bytes(_ values: [Int32]) -> [UInt8] {
      idx(
        type: 0x0c, shape: [6], values.flatMap { value in withUnsafeBytes(of: value.bigEndian) { Array($0) } }
      )
    }
    try folder.write(bytes(wide), "train-strata.idx")
    let data = try IDXDataset.load(from: folder.path)
    #expect(data.training.strata == wide.map(Int.init) && data.training.stratumNames.count == 65_536)
    for wrong: Int32 in [-1, 65_536] {
      let path = try folder.write(bytes([0, 1, wrong, 0, 0, 0]), "train-strata.idx")
      let error = try #require(formatError { _ = try IDXDataset.load(from: folder.path) })
      #expect(error.file == path && error.byte == 8 + 2 * 4 && error.reason.contains("\(wrong) is not in"))
    }
  }

  @Test func whatIsMissingIsNamed() throws {
    try IDXSample().write(to: folder)
    try remove("test-labels")
    let error = try #require(throws: MissingDataError.self) { try IDXDataset.load(from: folder.path) }
    #expect(error.missing == ["test-labels.idx.gz"] && error.advice.contains("names.json"))
    try IDXSample().write(to: folder)
    try remove("validation-labels")
    let validation = try #require(throws: MissingDataError.self) { try IDXDataset.load(from: folder.path) }
    #expect(validation.missing == ["validation-labels.idx.gz"])
  }

  @Test func filesThatDoNotFitAreErrorsThatNameThem() throws {
    func expectError(_ file: String, _ contents: [UInt8], _ part: String) throws {
      try IDXSample().write(to: folder)
      try folder.write(IDXSample.names.utf8, "names.json")
      let path = try folder.write(contents, file)
      let error = try #require(formatError { _ = try IDXDataset.load(from: folder.path) }, "\(part)")
      #expect(error.file == path, "\(error)")
      #expect(error.reason.contains(part), "\(error)")
    }
    try expectError("train-labels.idx", idx(shape: [5], [0, 0, 0, 0, 0]), "6 images expected")
    try expectError(
      "train-labels.idx", idx(type: 0x0d, shape: [6], randomBytes(24, seed: 1)),
      "whole numbers, and the array holds numbers of type float32")
    try expectError(
      "test-images.idx", idx(shape: [4, 4, 4], randomBytes(64, seed: 1)), "training images are of")
    try expectError("train-images.idx", idx(shape: [6, 2, 5, 4], randomBytes(240, seed: 1)), "1 or 3")
    try expectError("train-images.idx", idx(shape: [6, 20], randomBytes(120, seed: 1)), "the shape [6, 20]")
    try expectError("train-strata.idx", idx(shape: [6], [0, 1, 2, 3, 0, 0]), "element 3 is 3")
    for (names, part) in [
      ("{", "not JSON"), ("[]", "an object"), (#"{"kinds": []}"#, "an object"),
      (#"{"classes": ["a", "a"]}"#, "different"), (#"{"classes": ["a", 2]}"#, "different"),
      (#"{"classes": "a"}"#, "not a list"), ("\u{1f}\u{8b}", "names was expected"),
    ] { try expectError("names.json", Array(names.unicodeScalars.map { UInt8($0.value) }), part) }
    try IDXSample().write(to: folder)
    try FileManager.default.removeItem(atPath: folder.path + "/names.json")
    try remove("test-strata")
    #expect(formatError { _ = try IDXDataset.load(from: folder.path) }?.reason.contains("some parts") == true)
  }
}
