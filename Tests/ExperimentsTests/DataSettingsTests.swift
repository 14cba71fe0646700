import Basics
import Datasets
import Foundation
import TestSupport
import Testing

@testable import Experiments

@Suite struct DataSettingsTests {
  private func configuration(_ data: String) throws -> ExperimentConfiguration {
    try ExperimentConfiguration(json: #"{"data": \#(data)}"#, source: "test.json")
  }

  /// Every name is in the catalogue with the labels that are the default, and the other way round.
  @Test func namesAreThoseOfTheCatalogue() throws {
    #expect(Set(DataSettings.Name.allCases.map(\.rawValue)) == Set(Catalogue.sources.map(\.name)))
    for source in Catalogue.sources {
      #expect(source.task(DataSettings().labels) != nil, "\(source.name)")
      #expect(Set(source.tasks.map(\.name)).count == source.tasks.count)
      for task in source.tasks { #expect(Catalogue.task(task.name)?.source.name == source.name) }
    }
  }

  @Test func labelsThatADataSetDoesNotHaveAreErrors() throws {
    #expect(
      try configuration(#"{"name": "cifar100", "labels": "coarse-u"}"#).data.labels == .coarseUnbalanced)
    let message = try #require(failure { try configuration(#"{"name": "cifar10", "labels": "coarse-u"}"#) })
    #expect(message.contains("`data.labels`"), "\(message)")
    #expect(message.contains(#"cifar10 has no labels "coarse-u"; it has "fine", "coarse""#), "\(message)")
    #expect(failure { try configuration(#"{"name": "mnist", "labels": "coarse-u"}"#) } != nil)
  }

  /// Runs that were made before these keys keep their folders.
  @Test func fractionAndNoiseAreWrittenOnlyWhereTheyChangeSomething() throws {
    let plain = try configuration(#"{"name": "mnist"}"#)
    for key in ["fraction", "labelNoise"] { #expect(!plain.json.contains(key)) }
    let same = try configuration(#"{"name": "mnist", "fraction": 1, "labelNoise": {"share": 0, "seed": 0}}"#)
    #expect(same.fingerprint == plain.fingerprint)
    let noisy = try configuration(#"{"name": "mnist", "labelNoise": {"share": 0.2}}"#)
    let part = try configuration(#"{"name": "mnist", "fraction": 0.5}"#)
    let fingerprints = try [plain, noisy, part, configuration(#"{"labelNoise": {"share": 0.2, "seed": 1}}"#)]
      .map(\.fingerprint)
    #expect(Set(fingerprints).count == 4)
    for changed in [noisy, part] {
      #expect(try ExperimentConfiguration(json: changed.json, source: "saved").identity == changed.identity)
    }
    for wrong in [#"{"fraction": 0}"#, #"{"fraction": 1.5}"#, #"{"labelNoise": {"share": -0.1}}"#] {
      #expect(failure { try configuration(wrong) } != nil)
    }
  }

  @Test func skippingDamagedImagesIsWrittenOnlyWhereItIsWanted() throws {
    let plain = try configuration(#"{"name": "folder"}"#)
    #expect(!plain.json.contains("skipDamaged"))
    #expect(try configuration(#"{"name": "folder", "skipDamaged": false}"#).fingerprint == plain.fingerprint)
    let skipping = try configuration(#"{"name": "folder", "skipDamaged": true}"#)
    #expect(skipping.json.contains("skipDamaged") && skipping.fingerprint != plain.fingerprint)
    #expect(failure { try configuration(#"{"name": "mnist", "skipDamaged": true}"#) } != nil)
  }

  @Test func noiseAndFractionsReachTrainingImagesOnly() throws {
    try withFolder { folder in
      let tiny = try TinyExperiment(in: folder)
      let clean = try tiny.data()
      var configuration = tiny.configuration
      configuration.data.fraction = 0.5
      configuration.data.labelNoise.share = 0.2
      let data = try ExperimentData(ExperimentData.Key(configuration), folder: folder)
      #expect(data.validation.indices == clean.validation.indices)
      #expect(data.validation.relabelledPlaces.isEmpty && data.test.relabelledPlaces.isEmpty)
      #expect(data.test.labels == clean.test.labels && data.test.count == clean.test.count)
      #expect(data.training.count == 63 && data.training.relabelledPlaces.count == 13)
      #expect(Set(data.training.indices).isSubset(of: Set(clean.training.indices)))
      #expect(data.form == clean.form)
      configuration.data.fraction = 0.001
      let message = failure { try ExperimentData(ExperimentData.Key(configuration), folder: folder) }
      #expect(try #require(message).contains("`data.fraction`"))
    }
  }

  @Test func anOwnValidationPartIsUsed() throws {
    try withFolder { folder in
      func idx(_ shape: [Int], _ bytes: [UInt8]) -> Data {
        Data([0, 0, 8, UInt8(shape.count)] + shape.flatMap { [0, 0, 0, UInt8($0)] } + bytes)
      }
      for (part, count) in [("train", 20), ("validation", 6), ("test", 8)] {
        let pixels = (0..<count * 16).map { UInt8($0 % 251) }
        try idx([count, 4, 4], pixels).write(to: folder.appendingPathComponent("\(part)-images.idx"))
        try idx([count], (0..<count).map { UInt8($0 % 2) }).write(
          to: folder.appendingPathComponent("\(part)-labels.idx"))
      }
      let configuration = try configuration(#"{"name": "idx"}"#)
      let data = try ExperimentData(ExperimentData.Key(configuration), folder: folder)
      #expect(data.training.count == 20 && data.validation.count == 6 && data.test.count == 8)
      #expect(data.whole.count == 20)
    }
  }
}
