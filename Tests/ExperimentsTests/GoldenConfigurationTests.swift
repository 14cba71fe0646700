import Foundation
import Testing

@testable import Experiments

/// What every experiment file comes to, with every profile and every loss, and the fingerprint that names its runs'
/// folder: the same whatever becomes of the code.
///
/// `SPREAD_WRITE_GOLDENS=1 swift test --filter Golden` writes what is now; the difference is then looked at.
@Suite struct GoldenConfigurationTests {
  private static let package = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
    .deletingLastPathComponent().deletingLastPathComponent()
  private static let golden = package.appendingPathComponent("Tests/Fixtures/goldens/configurations.txt")

  /// A line for each: experiment, profile, loss, fingerprint, and every setting.
  private static func resolved() throws -> [String] {
    let folder = package.appendingPathComponent("Experiments")
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted().filter {
      $0.hasSuffix(".json") && !$0.hasPrefix("table") && $0 != "schema.json"
    }
    return try names.flatMap { name in
      let file = try ExperimentFile(contentsOf: folder.appendingPathComponent(name))
      return try file.profiles.flatMap { profile in
        try file.configurations(profile: profile).map { configuration in
          let settings = configuration.json.split(separator: "\n").map {
            $0.trimmingCharacters(in: .whitespaces)
          }.joined(separator: " ")
          return
            "\(configuration.experiment) \(profile) \(configuration.objective.loss.rawValue) \(configuration.fingerprint) \(settings)"
        }
      }
    }
  }

  @Test func settingsAndFingerprintsOfEveryExperimentAreWhatTheyWere() throws {
    let now = try Self.resolved()
    if ProcessInfo.processInfo.environment["SPREAD_WRITE_GOLDENS"] == "1" {
      try Self.golden.write(now.joined(separator: "\n") + "\n")
    }
    let before = try Self.golden.text().split(separator: "\n").map(String.init)
    #expect(now.count == before.count && before.count > 100)
    for (line, golden) in zip(now, before) { #expect(line == golden) }
  }
}
