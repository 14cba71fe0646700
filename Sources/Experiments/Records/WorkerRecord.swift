import Basics
import Foundation
import Tensors

/// Who works on a run: `.worker.json` in its folder, there while the work goes on and renewed every few seconds. One that
/// a dead process left behind tells so by its process, or by its age.
package struct WorkerRecord: Codable, Sendable, Equatable {
  /// Tells this lock from every other, whatever process or machine took it.
  package var identifier: String
  /// The machine, as its kernel calls it.
  package var host: String
  /// The process on that machine.
  package var process: Int32
  /// When the process began, as the kernel counts: a later process with the same number has another.
  package var processStart: String
  /// The PID namespace in which the process has its number; nil where it is not known, as in records of earlier versions.
  package var namespace: String?
  /// When the work began (ISO 8601).
  package var started: String
  /// When this was written (ISO 8601).
  package var updated: String
  /// Threads that it uses.
  package var threads: Int
  /// For a person, for example "epoch 3/7, step 12/42, loss 3.1415, 900 images/s, 12 s left".
  package var state: String

  /// Of this process, now.
  package static func own(identifier: String, started: String, state: String) -> WorkerRecord {
    WorkerRecord(
      identifier: identifier, host: thisHost, process: getpid(),
      processStart: start(ofProcess: getpid()) ?? "", namespace: thisNamespace,
      started: started, updated: now(), threads: Parallel.threadCount, state: state)
  }

  package static func now() -> String { ISO8601DateFormatter().string(from: Date()) }

  /// As the kernel calls this machine; no name service is asked.
  static let thisHost: String = {
    var name = [CChar](repeating: 0, count: 256)
    guard gethostname(&name, name.count - 1) == 0 else { return "localhost" }
    return String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }()

  /// Nil when there is none, or none that can be read.
  package static func read(_ file: URL) -> WorkerRecord? {
    guard let data = try? WholeFile.read(file.path) else { return nil }
    return try? JSONDecoder().decode(WorkerRecord.self, from: data)
  }

  /// Whether the worker may still be at work.
  ///
  /// Where its process can be seen from here, it is looked for. Of any other only its records are known: one that is older
  /// than `RunFolder.patience`, or of a time that has not come, is that of a worker that is gone.
  /// - Parameter age: seconds since the record was written.
  func isAlive(age: Double) -> Bool {
    isRemote ? abs(age) < RunFolder.patience : Self.start(ofProcess: process) == processStart
  }

  /// Whether its process cannot be looked for from here: another machine, which may have the same name; this one before
  /// it was last started; a container with processes of its own.
  var isRemote: Bool {
    host != Self.thisHost || !processStart.hasPrefix("\(Self.boot) ")
      || (namespace != nil && namespace != Self.thisNamespace)
  }

  /// Whether it was written by this process.
  var isOfThisProcess: Bool {
    !isRemote && process == getpid() && Self.start(ofProcess: process) == processStart
  }

  /// The machine's start and the process's, from /proc; nil when there is no such process.
  package static func start(ofProcess process: Int32) -> String? {
    guard let text = try? String(contentsOfFile: "/proc/\(process)/stat", encoding: .utf8),
      let name = text.lastIndex(of: ")")
    else { return nil }
    // Fields from the third on follow the name in brackets, which may hold anything; the state is the third, the start the
    // 22nd.
    let fields = text[text.index(after: name)...].split(separator: " ")
    guard fields.count > 19, fields[0] != "Z", fields[0] != "X" else { return nil }
    return "\(boot) \(fields[19])"
  }

  /// As the system calls this process's PID namespace, for example "pid:[4026531836]".
  private static let thisNamespace = try? FileManager.default.destinationOfSymbolicLink(
    atPath: "/proc/self/ns/pid")

  /// Differs between machines, and from one start of a machine to the next.
  private static let boot =
    (try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8))?
    .trimmingCharacters(in: .whitespacesAndNewlines) ?? ""
}

extension RunFolder {
  /// After this many seconds without a sign a worker on another machine counts as gone: far more than a network file
  /// system delays things.
  static let patience = 300.0

  /// The worker on this run; nil when there is none, or only the record of one that is gone.
  ///
  /// - Parameter now: the time by the clock that dates the files.
  package func activeWorker(now: Double = Date().timeIntervalSince1970) -> WorkerRecord? {
    guard let record = WorkerRecord.read(worker), let written = Self.modified(worker.path),
      record.isAlive(age: now - written)
    else { return nil }
    return record
  }

  /// When a file was last written, in seconds since 1970.
  package static func modified(_ path: String) -> Double? {
    var status = stat()
    guard stat(path, &status) == 0 else { return nil }
    return Double(status.st_mtim.tv_sec) + Double(status.st_mtim.tv_nsec) * 1e-9
  }
}
