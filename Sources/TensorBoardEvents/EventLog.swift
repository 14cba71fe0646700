import Basics
import Foundation
import SwiftProtobuf

/// The event files of a run's folder, as TensorBoard reads them.
///
/// Each start of a run writes a file of its own. What earlier ones hold of steps that the run, going on from a
/// checkpoint, takes again is cut off, so that the folder never tells two stories of a step; a TensorBoard that has
/// read them already is told to forget them.
/// - Complexity: starting reads the folder's event files; writing is one `write` a call.
public final class EventLog {
  /// A hyperparameter, as TensorBoard's HPARAMS view compares them.
  public enum Value: Sendable, Equatable {
    case number(Double)
    case text(String)
    case flag(Bool)
  }

  private let folder: URL
  private let now: () -> Double
  /// The last step that stays; nil for a run that begins.
  private let lastStep: Int?
  private var file: FileHandle?
  private var path = ""

  static let prefix = "events.out.tfevents."
  static let version = "brain.Event:2"

  /// - Parameters:
  ///   - folder: the run's.
  ///   - step: the optimiser steps that the run has behind it: events up to this one stay. Nil: the run begins,
  ///     and none stay.
  /// - Throws: `FileFormatError` when old files can be neither read nor cut.
  public convenience init(folder: URL, after step: Int?) throws {
    try self.init(folder: folder, after: step, now: { Date().timeIntervalSince1970 })
  }

  /// For tests: another clock.
  init(folder: URL, after step: Int?, now: @escaping () -> Double) throws {
    self.folder = folder
    self.now = now
    lastStep = step
    for name in Self.files(in: folder) {
      try Self.cut(folder.appendingPathComponent(name).path, after: step)
    }
  }

  /// The names of a folder's event files, oldest first.
  public static func files(in folder: URL) -> [String] {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []
    return names.filter { $0.hasPrefix(prefix) && !$0.hasSuffix(".partial") }.sorted()
  }

  /// Adds scalars of one step. Tags before a slash are groups.
  /// - Throws: `FileFormatError` when they cannot be written.
  public func add(_ scalars: [(tag: String, value: Double)], step: Int) throws {
    try append(
      Event.with {
        $0.wallTime = now()
        $0.step = Int64(step)
        $0.summary.value = scalars.map { scalar in
          .with {
            $0.tag = scalar.tag
            $0.simpleValue = Float(scalar.value)
          }
        }
      })
  }

  /// Adds a text, which TensorBoard takes for Markdown.
  public func add(text: String, tag: String, step: Int = 0) throws {
    try append(
      Event.with {
        $0.wallTime = now()
        $0.step = Int64(step)
        $0.summary.value = [
          .with {
            $0.tag = tag
            $0.metadata.pluginData.pluginName = "text"
            $0.tensor = .with {
              $0.dtype = .dtString
              $0.tensorShape.dim = [.with { $0.size = 1 }]
              $0.stringVal = [Data(text.utf8)]
            }
          }
        ]
      })
  }

  /// Adds the settings of the run for the HPARAMS view.
  public func add(hyperparameters: [(name: String, value: Value)]) throws {
    let content = HParamsPluginData.with {
      $0.sessionStartInfo.startTimeSecs = now()
      for (name, value) in hyperparameters { $0.sessionStartInfo.hparams[name] = value.message }
    }
    let bytes: Data = try content.serializedBytes()
    try append(
      Event.with {
        $0.wallTime = now()
        $0.summary.value = [
          .with {
            $0.tag = "_hparams_/session_start_info"
            $0.metadata.pluginData.pluginName = "hparams"
            $0.metadata.pluginData.content = bytes
            // A value that nobody looks at, as TensorBoard's own writer has it.
            $0.tensor = .with {
              $0.dtype = .dtFloat
              $0.tensorShape.dim = [.with { $0.size = 1 }]
              $0.floatVal = [0]
            }
          }
        ]
      })
  }

  private func append(_ event: Event) throws {
    do {
      let data = RecordFile.framed(try event.serializedBytes())
      try (file ?? start()).write(contentsOf: data)
    } catch {
      throw error is FileFormatError
        ? error : FileFormatError(path, "cannot be written: \(error.localizedDescription)")
    }
  }

  /// Makes the file of this start, with the events that it must begin with.
  private func start() throws -> FileHandle {
    // TensorBoard reads files in the order of their names: later ones must sort after earlier ones, whatever the
    // clock did between them.
    let last = Self.files(in: folder).last.flatMap {
      Int($0.dropFirst(Self.prefix.count).prefix { $0 != "." })
    }
    let seconds = max(Int(now()), (last ?? 0) + 1)
    let digits = String(seconds)
    let padded = String(repeating: "0", count: max(0, 10 - digits.count)) + digits
    let url = folder.appendingPathComponent("\(Self.prefix)\(padded).\(Self.host).\(getpid()).0")
    path = url.path
    guard FileManager.default.createFile(atPath: path, contents: nil),
      let handle = FileHandle(forWritingAtPath: path)
    else { throw FileFormatError(path, "cannot be written: \(String(cString: strerror(errno)))") }
    var events = [Event.with { $0.fileVersion = Self.version }]
    if let lastStep {
      events.append(
        Event.with {
          $0.step = Int64(lastStep + 1)
          $0.sessionLog.status = .start
        })
    }
    for index in events.indices { events[index].wallTime = now() }
    try handle.write(contentsOf: events.reduce(Data()) { $0 + RecordFile.framed(try $1.serializedBytes()) })
    file = handle
    return handle
  }

  /// Shortens a file to its events up to a step; one that then holds nothing is removed.
  private static func cut(_ path: String, after step: Int?) throws {
    let whole = try WholeFile.read(path)
    var (end, holdsSomething) = (0, false)
    if let step {
      // Events stand in the order of their steps, so what goes is all at the end.
      for record in RecordFile.records(in: whole) {
        guard let event = try? Event(serializedBytes: record.data), event.step <= step else { break }
        end = record.end
        if case .summary = event.what { holdsSomething = true }
      }
    }
    if !holdsSomething {
      guard unlink(path) == 0 else {
        throw FileFormatError(path, "cannot be removed: \(String(cString: strerror(errno)))")
      }
    } else if end < whole.count {
      guard truncate(path, off_t(end)) == 0 else {
        throw FileFormatError(path, "cannot be shortened: \(String(cString: strerror(errno)))")
      }
    }
  }

  private static let host: String = {
    var name = utsname()
    guard uname(&name) == 0 else { return "localhost" }
    let text = withUnsafeBytes(of: &name.nodename) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
    let plain = text.filter { $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "-") }
    return plain.isEmpty ? "localhost" : plain
  }()
}

extension EventLog.Value {
  fileprivate var message: Google_Protobuf_Value {
    switch self {
    case .number(let number): .init(numberValue: number)
    case .text(let text): .init(stringValue: text)
    case .flag(let flag): .init(boolValue: flag)
    }
  }
}
