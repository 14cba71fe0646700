import Basics

/// Records of the training or the test files of a CIFAR data set.
///
/// Pixels are stored as they come, because an archive's files stand in any order; an order of indices puts them
/// into that of the files' numbers, so that no pixel is copied twice.
struct CIFARPart {
  let files: [String]
  private let published: Int
  private var pixels: [UInt8] = []
  /// For each file, its first image in the store and its labels; nil until it is read.
  private var found: [(first: Int, labels: [UInt8])?]

  /// Records that are decompressed at a time: enough that zlib works in long runs, few enough to stay in the
  /// processor's cache until they are copied to their place.
  private static let recordsOfPiece = 64

  /// - Parameter published: images that there should be and at most may be; pages for them are reserved, not
  ///   used.
  init(files: [String], reserving published: Int) {
    self.files = files
    self.published = published
    found = Array(repeating: nil, count: files.count)
  }

  /// Files that were not read.
  var missing: [String] { zip(files, found).filter { $1 == nil }.map(\.0) }

  /// Labels in the order of the files.
  var labels: [UInt8] { found.flatMap { $0?.labels ?? [] } }

  /// - Precondition: nothing is missing.
  func dataset(_ name: String, _ classNames: [String], _ stratumNames: [String]) -> ImageDataset {
    let (side, fine) = (CIFARFiles.side, labels.map(Int.init))
    let order = found.flatMap { file in file.map { Array($0.first..<($0.first + $0.labels.count)) } ?? [] }
    return ImageDataset(
      name: name, store: ImageStore(pixels, count: fine.count, channels: 3, height: side, width: side),
      indices: order, labels: fine, strata: fine, classNames: classNames, stratumNames: stratumNames)
  }

  /// Reads the records of one file to its end.
  /// - Parameters:
  ///   - start: where the file begins, for the bytes in errors
  ///   - room: the most bytes that there can be, which bounds what is reserved
  ///   - read: fills a buffer, or as much of it as there is
  mutating func read(
    _ file: String, of format: CIFARFiles, start: Int, room: Int,
    from read: (UnsafeMutableRawBufferPointer) throws -> Int, error: (String, Int) -> FileFormatError
  ) throws {
    let number = files.firstIndex(of: file)!
    guard found[number] == nil else { throw error("\(file) is there twice", start) }
    pixels.reserveCapacity(min(published * CIFARFiles.pixels, room))
    let first = pixels.count / CIFARFiles.pixels
    var labels: [UInt8] = []
    var position = start
    let size = format.recordSize
    try withUnsafeTemporaryAllocation(byteCount: size * Self.recordsOfPiece, alignment: 64) { piece in
      var count = piece.count
      while count == piece.count {
        count = try read(piece)
        guard count % size == 0 else {
          throw error("\(file) ends within a record of \(size) bytes", position + count)
        }
        // What is larger is another data set, or an archive made to fill the memory.
        guard pixels.count / CIFARFiles.pixels + count / size <= published else {
          throw error("more than the \(grouped(published)) images that were published", position + count)
        }
        for record in stride(from: 0, to: count, by: size) {
          let bytes = UnsafeRawBufferPointer(rebasing: piece[record..<(record + size)])
          labels.append(try format.label(of: bytes) { error("\(file): \($0)", position + record + $1) })
          pixels.append(contentsOf: bytes[format.labels.count...])
        }
        position += count
      }
    }
    found[number] = (first, labels)
  }
}

extension CIFARFiles {
  /// The class of a record, checked.
  fileprivate func label(
    of record: UnsafeRawBufferPointer, error: (String, Int) -> FileFormatError
  ) throws -> UInt8 {
    for (place, label) in labels.enumerated() where record[place] >= label.names.count {
      throw error("label \(record[place]) is not below \(label.names.count)", place)
    }
    let fine = record[labels.count - 1]
    if !coarseOfFine.isEmpty, Int(record[0]) != coarseOfFine[Int(fine)] {
      throw error("class \(fine) is not of the superclass \(record[0])", 0)
    }
    return fine
  }
}
