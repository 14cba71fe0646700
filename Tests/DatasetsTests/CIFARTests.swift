import Basics
import Foundation
import TestSupport
import Testing

@testable import Datasets

@Suite struct CIFARTests {
  let folder: TemporaryFolder
  let ten = CIFARSample()
  let hundred = CIFARSample(isHundred: true, records: 100, testRecords: 100)

  init() throws { folder = try TemporaryFolder() }

  private func makeFolder(_ name: String) throws {
    try FileManager.default.createDirectory(
      atPath: "\(folder.path)/\(name)", withIntermediateDirectories: true)
  }

  private func expectSample(
    _ data: DatasetSplits, _ sample: CIFARSample, sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let count = sample.records * sample.trainingFiles.count
    for (part, count, isTest) in [
      (data.training, count, false), (data.test, sample.testRecords, true),
    ] {
      #expect(part.count == count, sourceLocation: sourceLocation)
      let expected = (0..<count).map(sample.label)
      #expect(part.labels == expected && part.strata == expected, sourceLocation: sourceLocation)
      #expect(part.store.shape == [3, 32, 32], sourceLocation: sourceLocation)
      for place in 0..<part.count {
        let start = part.indices[place] * 3072
        #expect(
          Array(part.store.bytes[start..<(start + 3072)]) == sample.pixels(place, isTest: isTest),
          sourceLocation: sourceLocation)
      }
    }
  }

  @Test(arguments: ["cifar10", "cifar-10", "CIFAR10", "."], [".tar.gz", ".tar"])
  func theArchiveIsFoundWherePeopleKeepIt(place: String, suffix: String) throws {
    try makeFolder(place)
    try folder.write(
      suffix == ".tar" ? ten.archive : try gzipped(ten.archive), "\(place)/cifar-10-binary\(suffix)")
    let data = try CIFAR10.load(from: folder.path)
    expectSample(data, ten)
    #expect(data.source.contains("cifar-10-binary\(suffix)"))
    #expect(data.source.contains("20 of 50,000 training images, 4 of 10,000 test images"))
    guard case .other = data.contents else {
      Issue.record("\(data.contents)")
      return
    }
  }

  @Test(arguments: ["cifar10", "CIFAR-10", "."])
  func theUnpackedFolderIsReadToo(place: String) throws {
    try ten.writeFolder(in: "\(folder.path)/\(place)")
    expectSample(try CIFAR10.load(from: folder.path), ten)
    // The folder itself may be named, and the list of names may be missing.
    let own = "\(folder.path)/\(place)/cifar-10-batches-bin"
    try FileManager.default.removeItem(atPath: own + "/batches.meta.txt")
    expectSample(try CIFAR10.load(from: own), ten)
  }

  @Test(arguments: [
    "cifar-10-batches-bin", "cifar-10-binary", "cifar-10-binary/cifar-10-batches-bin",
    "cifar-10-binary.tar",
    "CIFAR-10-BATCHES-BIN",
  ])
  func foldersWithinAFolderOfTheSameNameAreFound(outer: String) throws {
    try makeFolder("cifar10/\(outer)")
    try ten.writeFolder(in: "\(folder.path)/cifar10/\(outer)")
    let data = try CIFAR10.load(from: folder.path)
    expectSample(data, ten)
    #expect(data.source.contains("/cifar10/\(outer)/cifar-10-batches-bin"))
  }

  @Test(arguments: [
    "cifar-10-binary/data", "cifar-10-binary.tar/cifar-10-binary.tar",
    "cifar-10-binary.tar.gz/cifar-10-binary.tar",
    "CIFAR-10-BINARY.TAR", "cifar-10-binary/cifar-10-binary.tar",
  ])
  func archivesUnderOtherNamesAreFound(name: String) throws {
    let parts = name.split(separator: "/").map(String.init)
    try makeFolder("cifar10/" + parts.dropLast().joined(separator: "/"))
    guard parts.last != "data" else {
      // The files themselves in a folder that is called as the archive, one in capitals, one in a folder.
      try ten.writeFolder(in: "\(folder.path)/cifar10")
      let files = folder.path + "/cifar10/cifar-10-binary"
      try FileManager.default.removeItem(atPath: files)
      try FileManager.default.moveItem(
        atPath: folder.path + "/cifar10/cifar-10-batches-bin", toPath: files)
      try FileManager.default.moveItem(
        atPath: files + "/test_batch.bin", toPath: files + "/TEST_BATCH.BIN")
      try FileManager.default.moveItem(
        atPath: files + "/data_batch_2.bin", toPath: files + "/moved")
      try makeFolder("cifar10/cifar-10-binary/data_batch_2.bin")
      try FileManager.default.moveItem(
        atPath: files + "/moved", toPath: files + "/data_batch_2.bin/data_batch_2.bin")
      let data = try CIFAR10.load(from: folder.path)
      expectSample(data, ten)
      #expect(data.source.contains("data_batch_2.bin/data_batch_2.bin, TEST_BATCH.BIN"))
      return
    }
    try folder.write(ten.archive, "cifar10/\(name)")
    expectSample(try CIFAR10.load(from: folder.path), ten)
  }

  @Test func aHundredClassesHaveTheirSuperclasses() throws {
    try makeFolder("cifar100")
    try folder.write(try gzipped(hundred.archive), "cifar100/cifar-100-binary.tar.gz")
    expectSample(try CIFAR100.load(from: folder.path), hundred)
    try FileManager.default.removeItem(atPath: folder.path + "/cifar100")
    try hundred.writeFolder(in: folder.path)
    let fine = try CIFAR100.load(from: folder.path)
    expectSample(fine, hundred)
    let coarse = try CIFAR100.loadCoarse(from: folder.path)
    #expect(coarse.training.name == "CIFAR100-Coarse" && coarse.training.classNames.count == 20)
    #expect(coarse.training.strata == fine.training.labels)
    let expected = fine.training.labels.map { CIFARNames.coarseOfFine[$0] }
    #expect(coarse.training.labels == expected)
  }

  @Test func theFullArchiveIsPreferredToTheSmallOne() throws {
    let small = CIFARSample(records: 2, testRecords: 1)
    try makeFolder("cifar10")
    try folder.write(try gzipped(small.archive), "cifar10/cifar-10-small-binary.tar.gz")
    let data = try CIFAR10.load(from: folder.path)
    expectSample(data, small)
    #expect(data.source.contains("cifar-10-small-binary.tar.gz (10 of 50,000"))
    try makeFolder("CIFAR10")
    try folder.write(try gzipped(ten.archive), "CIFAR10/cifar-10-binary.tar.gz")
    expectSample(try CIFAR10.load(from: folder.path), ten)
  }

  @Test func whatIsMissingIsNamed() throws {
    let error = try #require(throws: MissingDataError.self) { try CIFAR10.load(from: folder.path) }
    #expect(error.missing == ["cifar-10-binary.tar.gz"])
    #expect(error.searched.contains(folder.path + "/cifar10") && error.description.contains("https://"))
    #expect(throws: MissingDataError.self) { try CIFAR100.load(from: nil) }
    try ten.writeFolder(in: folder.path)
    let lost = folder.path + "/cifar-10-batches-bin/data_batch_3.bin"
    try FileManager.default.removeItem(atPath: lost)
    let part = try #require(throws: MissingDataError.self) { try CIFAR10.load(from: folder.path) }
    #expect(part.missing == [lost])
  }

  @Test func filesThatDoNotFitAreErrorsThatNameThem() throws {
    func expectError(
      _ part: String, byte: Int? = nil, hundred: Bool = false,
      _ change: (inout [(name: String, contents: [UInt8])]) -> Void
    ) throws {
      let sample = CIFARSample(isHundred: hundred)
      var files = sample.files
      change(&files)
      let name = hundred ? "cifar-100-binary.tar.gz" : "cifar-10-binary.tar.gz"
      let path = try folder.write(
        try gzipped(CIFARSample.archive(files, in: sample.folderName)), name)
      let error = try #require(
        formatError {
          _ = hundred ? try CIFAR100.load(from: folder.path) : try CIFAR10.load(from: folder.path)
        },
        "\(part)")
      #expect(error.file == path)
      #expect(error.reason.contains(part), "\(error)")
      if let byte { #expect(error.byte == byte, "\(error)") }
    }
    // The first file begins after the folder's header and its own.
    try expectError("label 10 is not below 10", byte: 1024 + 3073) { $0[0].contents[3073] = 10 }
    try expectError("not whole records of 3073", byte: 1024) { $0[0].contents.removeLast() }
    try expectError("there twice") { $0.append($0[2]) }
    try expectError("no data_batch_3.bin") { $0.removeAll { $0.name == "data_batch_3.bin" } }
    try expectError("no test images") { $0[1].contents = [] }
    try expectError("lists 9 names") { $0[6].contents.removeFirst(9) }
    try expectError("calls label 0 'Airplane'") { $0[6].contents[0] = 0x41 }
    try expectError("list of names was expected") { $0[6].contents = [UInt8](repeating: 10, count: 70_000) }
    try expectError("not of the superclass 3", byte: 1024, hundred: true) { $0[0].contents[0] = 3 }
    try expectError("label 100 is not below 100", byte: 1025, hundred: true) { $0[0].contents[1] = 100 }
    try expectError("label 20 is not below 20", byte: 1024, hundred: true) { $0[0].contents[0] = 20 }
    try folder.write(Array("<html>404</html>".utf8), "cifar-10-binary.tar.gz")
    #expect(
      formatError { _ = try CIFAR10.load(from: folder.path) }?.reason.contains("not a tar archive") == true)
  }

  /// 11,000 test images of nothing compress to a few kilobytes.
  @Test func moreImagesThanWerePublishedAreAnError() throws {
    var files = ten.files
    files[1].contents = [UInt8](repeating: 0, count: 3073 * 11_000)
    let archive = CIFARSample.archive(files, in: ten.folderName)
    let path = try folder.write(try gzipped(archive, level: 1), "cifar-10-binary.tar.gz")
    let error = try #require(formatError { _ = try CIFAR10.load(from: folder.path) })
    #expect(error.file == path && error.reason.contains("more than the 10,000 images"))
  }

  @Test func filesOfTheUnpackedFolderAreCheckedToo() throws {
    try ten.writeFolder(in: folder.path)
    let file = "cifar-10-batches-bin/data_batch_2.bin"
    try folder.write(ten.files[0].contents.dropLast(), file)
    let short = try #require(formatError { _ = try CIFAR10.load(from: folder.path) })
    #expect(short.file == "\(folder.path)/\(file)" && short.byte == 4 * 3073 - 1)
    try ten.writeFolder(in: folder.path)
    let names = try folder.write(Array("cat\ndog\n".utf8), "cifar-10-batches-bin/batches.meta.txt")
    #expect(formatError { _ = try CIFAR10.load(from: folder.path) }?.file == names)
  }

  @Test func coarseClassesAreAnimalsAndVehicles() throws {
    try ten.writeFolder(in: folder.path)
    let coarse = try CIFAR10.loadCoarse(from: folder.path)
    for part in [coarse.training, coarse.test] {
      #expect(part.name == "CIFAR10-Coarse" && part.classNames == ["animals", "vehicles"])
      #expect(zip(part.labels, part.strata).allSatisfy { $0 == ([2, 3, 4, 5, 6, 7].contains($1) ? 0 : 1) })
    }
    #expect(coarse.source.contains("20 of 50,000"))
  }

  @Test func superclassesHaveFiveClassesEachInTheirPublishedOrder() {
    #expect(CIFARNames.coarse.count == 20 && CIFARNames.coarse == CIFARNames.coarse.sorted())
    #expect(CIFARNames.hundred.count == 100 && Set(CIFARNames.hundred).count == 100)
    let counts = CIFARNames.coarseOfFine.reduce(into: [Int](repeating: 0, count: 20)) { $0[$1] += 1 }
    #expect(counts == [Int](repeating: 5, count: 20))
    // As in the published list of superclass labels by class label: its first ten and last ten.
    #expect(CIFARNames.coarseOfFine.prefix(10) == [4, 1, 14, 8, 0, 6, 7, 7, 18, 3])
    #expect(CIFARNames.coarseOfFine.suffix(10) == [18, 1, 2, 15, 6, 0, 17, 8, 14, 13])
  }

  @Test func unbalancedStrataFollowTheOrderOfTheirLabels() throws {
    // 60 training images of each class: the strata of 500, 250 and 100 keep all of them, the others 50.
    let sample = CIFARSample(isHundred: true, records: 6000, testRecords: 100)
    try sample.writeFolder(in: folder.path)
    let data = try CIFAR100.loadCoarseUnbalanced(from: folder.path)
    #expect(data.training.name == "CIFAR100-Coarse-U" && data.test.count == 100)
    let counts = data.training.stratumCounts
    for superclass in 0..<20 {
      let members = (0..<100).filter { CIFARNames.coarseOfFine[$0] == superclass }
      #expect(members.map { counts[$0] } == [60, 60, 60, 50, 50])
    }
    #expect(CIFAR100.unbalancedCounts == [500, 250, 100, 50, 50])
    let again = try CIFAR100.loadCoarseUnbalanced(from: folder.path)
    #expect(again.training.indices == data.training.indices)
  }

  @Test(.enabled(if: ProcessInfo.processInfo.environment["SPREAD_DATA"] != nil, "set SPREAD_DATA"))
  func theArchiveInTheDataFolderIsWhole() throws {
    let root = try #require(ProcessInfo.processInfo.environment["SPREAD_DATA"])
    let data: DatasetSplits
    do { data = try CIFAR10.load(from: root) } catch is MissingDataError { return }
    for part in [data.training, data.test] {
      let counts = part.stratumCounts
      #expect(counts == [Int](repeating: part.count / 10, count: 10))
      let statistics = part.channelStatistics()
      for (found, known) in zip(statistics.mean, [0.4914, 0.4822, 0.4465]) {
        #expect(abs(Double(found) - known) < 0.02)
      }
    }
  }
}
