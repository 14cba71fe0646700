import Basics
import Foundation
import TestSupport
import Testing

@testable import Experiments

@Suite struct ExperimentFileTests {
  private func file(_ text: String) throws -> ExperimentFile {
    try ExperimentFile(json: text, source: "e.json")
  }

  private let whole = """
    {
      "experiment": "digits",
      "data": {"name": "mnist"},
      "loss": {"temperature": 0.5, "alpha": 0.25},
      "losses": {
        "selfSupervised": {},
        "supcon": {"temperature": 0.1},
        "spread": {"layout": "pooled"}
      },
      "epochs": 30,
      "profiles": {
        "smoke": {"epochs": 1, "encoder": {"width": 32, "heads": 2}},
        "quick": {"epochs": 3, "loss": {"temperature": 0.4}},
        "paper": {"encoder": {"name": "resnet18"}}
      }
    }
    """

  @Test func profilesAndLossesOverlayTheBase() throws {
    let file = try file(whole)
    #expect(file.profiles == ["smoke", "quick", "paper"])
    let quick = try file.configurations()
    #expect(quick.map(\.objective.loss) == [.selfSupervised, .supcon, .spread])
    #expect(quick.map(\.objective.temperature) == [0.4, 0.1, 0.4])
    #expect(quick.map(\.objective.layout) == [.crossView, .crossView, .pooled])
    #expect(quick[2].objective.alpha == 0.25)
    #expect(quick.allSatisfy { $0.epochs == 3 && $0.profile == "quick" && $0.data.name == "mnist" })
    let smoke = try file.configurations(profile: "smoke")[0]
    guard case .vit(let network) = smoke.encoder else { return #expect(Bool(false), "\(smoke.encoder)") }
    #expect(smoke.epochs == 1 && network.width == 32 && network.depth == 7)
    #expect(try file.configurations(profile: "paper")[0].encoder.name == "resnet18")
  }

  @Test func oneNamedLossIsTheOnlyOne() throws {
    let one = try file(#"{"loss": {"name": "supcon", "temperature": 0.2}}"#).configurations()
    #expect(one.map(\.objective.loss) == [.supcon])
    #expect(one[0].objective.temperature == 0.2 && one[0].profile == "custom")
    #expect(try file("{}").configurations().map(\.objective.loss) == [.selfSupervised, .supcon, .spread])
  }

  @Test func argumentsWinAndBareWordsAreTexts() throws {
    let file = try file(whole)
    let changed = try file.configurations(
      profile: "quick",
      overrides: ["loss.temperature=0.9", "optimiser.name=sgd", "seeds=[4,5]", "losses.spread.alpha=0.75"])
    #expect(changed.map(\.objective.temperature) == [0.9, 0.9, 0.9])
    #expect(changed[2].objective.alpha == 0.75)
    #expect(changed[0].optimiser.name == "sgd" && changed[0].seeds == [4, 5])
    #expect(try file.configurations(overrides: ["loss.name=spread"]).map(\.objective.loss) == [.spread])
    #expect(try file.configurations(losses: [.repel, .spread]).map(\.objective.loss) == [.repel, .spread])
    // A knob of one loss does not disturb the others of the same command.
    #expect(try file.configurations(overrides: ["loss.alpha=0.1"]).map(\.objective.alpha) == [0.5, 0.5, 0.1])
  }

  @Test func savedConfigurationsRepeatThemselves() throws {
    for configuration in try file(whole).configurations(profile: "smoke") {
      let again = try ExperimentConfiguration(json: configuration.json, source: "saved")
      #expect(again == configuration)
      #expect(
        try ExperimentFile(json: configuration.json, source: "saved").configurations() == [configuration])
      #expect(
        try ExperimentFile(json: configuration.json, source: "saved").configurations(profile: "smoke")
          == [configuration])
    }
  }

  @Test func fingerprintsTellSettingsApartAndIgnoreTheRest() throws {
    let configuration = try file(whole).configurations()[2]
    var same = configuration
    (same.seeds, same.threads, same.data.folder) = ([7], 3, "/elsewhere")
    #expect(same.fingerprint == configuration.fingerprint)
    var other = configuration
    other.objective.alpha = 0.26
    #expect(other.fingerprint != configuration.fingerprint)
    #expect(configuration.fingerprint.count == 8)
  }

  @Test(arguments: [
    (
      "{\n \"loss\": {\n  \"tempreature\": 0.2}}",
      "e.json, line 3: `loss.tempreature`: there is no such key; nearest: `loss.temperature`"
    ),
    ("{\"epoch\": 3}", "`epoch`: there is no such key; nearest: `epochs`"),
    ("{\"temperature\": 3}", "`temperature`: there is no such key here; nearest: `loss.temperature`"),
    ("{\"epochs\": \"3\"}", "`epochs`: expected an integer, in 1...100000, found the text \"3\""),
    ("{\"epochs\": 2.5}", "expected an integer, in 1...100000, found the number 2.5"),
    ("{\"epochs\": -3}", "`epochs`: -3 is not in 1...100000"),
    ("{\"epochs\": 0}", "`epochs`: 0 is not in 1...100000"),
    ("{\"batchSize\": 1}", "`batchSize`: 1 is not in 2...65536"),
    ("{\"loss\": {\"temperature\": 0}}", "`loss.temperature`: 0 is not above 0"),
    ("{\"loss\": {\"name\": \"spread\", \"alpha\": 1.5}}", "`loss.alpha`: 1.5 is not in 0...1"),
    ("{\"loss\": {\"name\": \"sprad\"}}", "nearest: \"spread\""),
    ("{\"loss\": 3}", "`loss`: expected an object, found the number 3"),
    ("{\"losses\": {\"suncon\": {}}}", "`losses.suncon`: expected one of"),
    (
      "{\"losses\": {\"supcon\": {\"alpha\": 0.5}}}",
      "`loss.alpha`: has no effect here: `name` is \"supcon\", which takes"
    ),
    ("{\"loss\": {\"name\": \"supcon\", \"alpha\": 0.5}}", "`loss.alpha`: has no effect here"),
    ("{\"losses\": {\"supcon\": {\"name\": \"spread\"}}}", "the entry's key already names the loss"),
    ("{\"encoder\": {\"name\": \"resnet18\", \"depth\": 3}}", "`encoder.depth`: has no effect here"),
    ("{\"encoder\": {\"width\": 100, \"heads\": 3}}", "`encoder.heads`: 3 heads do not divide the width 100"),
    ("{\"encoder\": {\"dropout\": 1}}", "`encoder.dropout`: 1 is not at least 0 and below 1"),
    ("{\"augmentation\": {\"cropArea\": [1, 0.2]}}", "two numbers, the smaller first"),
    ("{\"augmentation\": {\"cropArea\": 1}}", "expected a list of two numbers, the smaller first"),
    ("{\"seeds\": []}", "1 or more different integers"),
    ("{\"seeds\": [1, 1]}", "1 or more different integers"),
    ("{\"seeds\": [true]}", "expected a list, each element an integer"),
    ("{\"experiment\": \"../x\"}", "a name of letters"),
    ("{\"data\": {\"name\": \"mnist\", \"seed\": 1}}", "`data.seed`: has no effect here"),
    ("{\"schedule\": {\"name\": \"multiStep\"}}", "needs at least one epoch in `milestones`"),
    (
      "{\"epochs\": 9,\n\"schedule\": {\"name\": \"multiStep\",\n\"milestones\": [9]}}",
      "e.json, line 3: `schedule.milestones`: the milestone 9 is not before the end, epoch 9"
    ),
    ("{\"schedule\": {\"warmUpEpochs\": 5}, \"epochs\": 5}", "is not shorter than training"),
    ("{\"profiles\": {\"paper\": {\n\"epohcs\": 3}}}", "e.json, line 2: `epohcs`: there is no such key"),
    ("{\"profiles\": 3}", "`profiles`: expected an object"),
    ("{\"threads\": 0}", "`threads`: 0 is not in 1...1024"),
    ("{\"probe\": {\"standardise\": 1}}", "`probe.standardise`: expected true or false, found the number 1"),
    ("[]", "expected an object, found a list of 0"),
  ]) func mistakesAreNamed(text: String, message: String) throws {
    let found = try #require(failure { try file(text) })
    #expect(found.contains(message), "\(found)")
  }

  @Test(arguments: [
    ("loss.tempreature=1", "--set loss.tempreature=1: `loss.tempreature`: there is no such key; nearest"),
    ("epochs", "expected path=value"),
    ("=3", "an empty key"),
    ("loss..alpha=3", "an empty key"),
    (String(repeating: "a.", count: 50_000) + "a=3", "a path of more than 64 keys"),
    ("epochs=many", "`epochs`: expected an integer"),
    ("epochs=-1", "--set epochs=-1: `epochs`: -1 is not in 1...100000"),
    ("loss=3", "`loss`: expected an object"),
    ("losses.supcon.alpha=0.5", "has no effect here"),
    ("profile.epochs=3", "`profile`: expected a text"),
  ]) func mistakesInArgumentsAreNamed(argument: String, message: String) throws {
    let file = try file(whole)
    let found = try #require(failure { try file.configurations(overrides: [argument]) })
    #expect(found.contains(message), "\(found)")
  }

  @Test func unknownProfilesAreNamed() throws {
    let found = try #require(failure { try file(whole).configurations(profile: "papr") })
    #expect(
      found == "e.json: there is no profile \"papr\": it has smoke, quick, paper; nearest: \"paper\"",
      "\(found)")
    #expect(
      try #require(failure { try file("{}").configurations(profile: "quick") }).contains("it has no profiles")
    )
  }

  @Test func everyKeyHasASummaryAndAPlaceInTheSchema() throws {
    for path in ExperimentConfiguration.paths {
      var node = ExperimentConfiguration.schema
      for key in path.split(separator: ".") {
        node = try #require(node["properties"]?[String(key)], "\(path)")
      }
      #expect(try #require(node["description"]?.text).hasSuffix("."), "\(path)")
    }
  }
}
