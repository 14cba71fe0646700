import Foundation
import TestSupport
import Testing

@testable import Experiments

/// The sizes of stored images and of views in a configuration.
@Suite struct ImageSizeSettingsTests {
  private func configuration(_ data: String) throws -> ExperimentConfiguration {
    try ExperimentConfiguration(json: "{\"experiment\": \"e\", \"data\": {\(data)}}", source: "e.json")
  }

  @Test(
    arguments: [
      ("\"name\": \"mnist\"", nil, nil), ("\"name\": \"cifar10\", \"imageSize\": 64", 64, nil),
      ("\"name\": \"waterbirds\"", 224, 256), ("\"name\": \"isic\", \"imageSize\": 112", 112, 128),
      ("\"name\": \"celeba\", \"imageSize\": 64, \"storedSize\": 64", 64, 64),
      ("\"name\": \"folder\", \"storedSize\": 300", 224, 300),
    ] as [(String, Int?, Int?)])
  func sizesFollowFromTheDataSet(data: String, views: Int?, store: Int?) throws {
    let settings = try configuration(data).data
    #expect(settings.sizeOfViews == views && settings.sizeOfStore == store)
  }

  /// Runs that were made before there were sizes keep their folders.
  @Test func absentSizesAreNotWritten() throws {
    let plain = try configuration("\"name\": \"cifar10\"")
    #expect(!plain.json.contains("imageSize") && !plain.json.contains("storedSize"))
    let sized = try configuration("\"name\": \"cifar10\", \"imageSize\": 40")
    #expect(sized.json.contains("\"imageSize\": 40") && sized.fingerprint != plain.fingerprint)
  }

  @Test(arguments: [
    ("\"name\": \"mnist\", \"storedSize\": 64", "`data.storedSize`: has no effect here"),
    ("\"name\": \"isic\", \"imageSize\": 4", "`data.imageSize`: 4 is not in 8...1024"),
    ("\"name\": \"isic\", \"labels\": \"fine\"", "isic has no labels \"fine\"; it has \"coarse\""),
  ])
  func whatDoesNotFitIsRefused(data: String, part: String) {
    #expect(failure { try configuration(data) }?.contains(part) == true)
  }

  @Test func absentImagesSayWhatToGet() throws {
    let settings = try configuration("\"name\": \"waterbirds\"")
    try withFolder { folder in
      let problem = failure { try ExperimentData(ExperimentData.Key(settings), folder: folder) }
      #expect(problem?.contains("waterbird_complete95_forest2water2") == true)
    }
  }
}
