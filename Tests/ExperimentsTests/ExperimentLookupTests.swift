import Basics
import Foundation
import TestSupport
import Testing

@testable import Experiments

@Suite struct ExperimentLookupTests {
  /// `work/`, and a package with a program deep inside.
  private func withPackage(_ body: (_ work: URL, _ package: URL, _ program: URL) throws -> Void) throws {
    try withFolder { folder in
      let work = folder.appendingPathComponent("work")
      let package = folder.appendingPathComponent("package")
      let build = package.appendingPathComponent(".build/debug")
      for made in [work, build, package.appendingPathComponent("Experiments")] {
        try FileManager.default.createDirectory(at: made, withIntermediateDirectories: true)
      }
      try package.appendingPathComponent("Experiments/digits.json").write("{}")
      try build.appendingPathComponent("program").write("")
      try body(work, package, build.appendingPathComponent("program"))
    }
  }

  @Test func looksInTheWorkingDirectoryThenInExperiments() throws {
    try withPackage { work, package, program in
      func found(_ name: String, in folder: URL) throws -> String {
        try ExperimentLookup.find(name, workingDirectory: folder, program: program).path
      }
      let shipped = package.appendingPathComponent("Experiments/digits.json").path
      #expect(try found("digits", in: work) == shipped)
      #expect(try found("digits.json", in: package) == shipped)
      try work.appendingPathComponent("digits.json").write("{}")
      #expect(try found("digits", in: work) == work.appendingPathComponent("digits.json").path)
      #expect(try found("./digits.json", in: work).hasSuffix("digits.json"))
      #expect(try found(shipped, in: work) == shipped)
    }
  }

  @Test func saysWhereItLookedAndWhatIsNearest() throws {
    try withPackage { work, package, program in
      let message = try #require(
        failure { try ExperimentLookup.find("digts", workingDirectory: work, program: program) })
      #expect(message.contains(work.path) && message.contains(package.path + "/Experiments"))
      #expect(message.hasSuffix("nearest: digits.json"))
      let absent = try #require(
        failure { try ExperimentLookup.find("a/b", workingDirectory: work, program: program) })
      #expect(absent.contains("there is no file a/b"))
      let folder = failure {
        try ExperimentLookup.find(package.path, workingDirectory: work, program: program)
      }
      #expect(try #require(folder).contains("\(package.path) is a folder, and a file was expected"))
    }
  }

  @Test func tablesAreFoundWhereExperimentsAreAndAreNotTheirLike() throws {
    try withPackage { work, package, program in
      try package.appendingPathComponent("Experiments/tableA2.json").write("{}")
      try work.appendingPathComponent("table9.json").write("{}")
      #expect(ExperimentLookup.tables(workingDirectory: work, program: program) == ["9", "A2"])
      let message = failure {
        try ExperimentLookup.find("tableA.json", workingDirectory: work, program: program)
      }
      #expect(try #require(message).hasSuffix("nearest: digits.json"))
    }
  }
}
