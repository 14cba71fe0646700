import Foundation
import Testing

/// All tests of the programs. They start processes that keep every core busy, so one runs at a time.
@Suite(.serialized) struct ProgramTests {}

/// Expects a failure that a person can act on: the code, and as the last thing one line that begins as errors
/// do and names what it must. Only the usage,
/// or a list of what was expected, may follow it, where it is the usage that is wrong.
func expectError(
  _ outcome: Outcome, code: Int32, naming parts: String..., sourceLocation: SourceLocation = #_sourceLocation
) {
  #expect(outcome.code == code, "\(outcome)", sourceLocation: sourceLocation)
  let lines = outcome.errors.split(separator: "\n")
  guard let place = lines.firstIndex(where: { $0.hasPrefix("Error: ") }) else {
    Issue.record("no error: \(outcome)", sourceLocation: sourceLocation)
    return
  }
  let next = lines.dropFirst(place + 1).first ?? ""
  #expect(
    next.isEmpty || code == 64 && ["Usage:", "Help:", "  - "].contains { next.hasPrefix($0) },
    "\(outcome.errors)",
    sourceLocation: sourceLocation)
  for part in parts {
    #expect(lines[place].contains(part), "\(part) in: \(outcome.errors)", sourceLocation: sourceLocation)
  }
}

/// Arrays as NumPy writes them, made here byte by byte so that the programs' reader is tested against
/// something else than the programs' writer.
enum NumPy {
  static func floats(_ rows: [[Double]], single: Bool = false) -> Data {
    var body = Data()
    for value in rows.joined() {
      if single {
        withUnsafeBytes(of: Float(value).bitPattern.littleEndian) { body.append(contentsOf: $0) }
      } else {
        withUnsafeBytes(of: value.bitPattern.littleEndian) { body.append(contentsOf: $0) }
      }
    }
    return header(single ? "<f4" : "<f8", "(\(rows.count), \(rows.first?.count ?? 0))") + body
  }

  static func integers(_ values: [Int]) -> Data {
    var body = Data()
    for value in values { withUnsafeBytes(of: Int64(value).littleEndian) { body.append(contentsOf: $0) } }
    return header("<i8", "(\(values.count),)") + body
  }

  private static func header(_ type: String, _ shape: String) -> Data {
    var text = "{'descr': '\(type)', 'fortran_order': False, 'shape': \(shape), }"
    while (10 + text.utf8.count + 1) % 64 != 0 { text += " " }
    text += "\n"
    return Data([0x93]) + Data("NUMPY".utf8)
      + Data([1, 0, UInt8(text.utf8.count & 0xff), UInt8(text.utf8.count >> 8)]) + Data(text.utf8)
  }
}

/// An experiment on a folder of images of one's own that takes a second.
let ownImagesExperiment = """
  {
    "experiment": "own",
    "title": "Own",
    "data": {"name": "folder", "imageSize": 16},
    "encoder": {"width": 16, "depth": 1, "heads": 2, "patch": 8, "mlpWidth": 32},
    "losses": {"spread": {}},
    "epochs": 1,
    "batchSize": 8,
    "probe": {"epochs": 2},
    "seeds": [0]
  }
  """
