import Foundation

@testable import Datasets

/// Small CIFAR data sets in the layout of the published ones: labels in turn, each image's pixels from its
/// number.
struct CIFARSample {
  var isHundred = false
  /// Records of each training file and of the test file.
  var records = 4
  var testRecords = 4

  var folderName: String { isHundred ? "cifar-100-binary" : "cifar-10-batches-bin" }
  var trainingFiles: [String] { isHundred ? ["train.bin"] : (1...5).map { "data_batch_\($0).bin" } }
  var testFile: String { isHundred ? "test.bin" : "test_batch.bin" }

  func label(_ number: Int) -> Int { isHundred ? number * 37 % 100 : number * 3 % 10 }

  /// The number of an image's first red pixel and so on: one byte for each colour.
  func pixels(_ number: Int, isTest: Bool) -> [UInt8] {
    (0..<3).flatMap { colour in
      [UInt8](repeating: UInt8((number * 5 + colour * 70 + (isTest ? 30 : 0)) % 256), count: 1024)
    }
  }

  func record(_ number: Int, isTest: Bool = false) -> [UInt8] {
    let fine = label(number)
    let labels = isHundred ? [CIFARNames.coarseOfFine[fine], fine] : [fine]
    return labels.map { UInt8($0) } + pixels(number, isTest: isTest)
  }

  /// Every file with its contents, in the order of the archive as published: not that of the batches.
  var files: [(name: String, contents: [UInt8])] {
    var files = trainingFiles.enumerated().map { index, name in
      (name: name, contents: (0..<records).flatMap { record(index * records + $0) })
    }
    if !isHundred { files = [0, 2, 3, 1, 4].map { files[$0] } }
    files.insert((testFile, (0..<testRecords).flatMap { record($0, isTest: true) }), at: 1)
    let lists =
      isHundred
      ? [("fine_label_names.txt", CIFARNames.hundred), ("coarse_label_names.txt", CIFARNames.coarse)]
      : [("batches.meta.txt", CIFARNames.ten)]
    for (name, names) in lists { files.append((name, Array((names.joined(separator: "\n") + "\n\n").utf8))) }
    return files
  }

  static func archive(_ files: [(name: String, contents: [UInt8])], in folder: String) -> [UInt8] {
    Tar.header("\(folder)/", size: 0, type: "5")
      + files.flatMap { Tar.file("\(folder)/\($0.name)", $0.contents) } + Tar.end
  }

  var archive: [UInt8] { Self.archive(files, in: folderName) }

  /// Writes the unpacked folder below another.
  func writeFolder(in parent: String) throws {
    let path = "\(parent)/\(folderName)"
    try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    for (name, contents) in files { try Data(contents).write(to: URL(fileURLWithPath: "\(path)/\(name)")) }
  }
}
