import Basics
import ContrastiveLosses
import Foundation
import ResultSamples
import TestSupport
import Testing

@testable import Experiments
@testable import Reports

@Suite struct SweepTests {
  @Test func anAxisIsAPathWithValues() throws {
    let axis = try Grid.Axis("loss.alpha=0, 0.25,1")
    #expect(axis.path == "loss.alpha" && axis.values == ["0", "0.25", "1"] && axis.numbers == [0, 0.25, 1])
    let lists = try Grid.Axis(#"encoder.blocks=[1,1],[2,2],"a,b",{"x":[1,2]}"#)
    #expect(lists.values == ["[1,1]", "[2,2]", #""a,b""#, #"{"x":[1,2]}"#] && lists.numbers == nil)
    #expect(try Grid.Axis("data.name=mnist").values == ["mnist"])
  }

  @Test(arguments: [
    (["loss.alpha"], "expected path=value"), (["=1"], "expected path=value"), (["a=1,,2"], "is empty"),
    (["a="], "is empty"),
    (["a=1,1"], "the value 1 is there twice"),
    (["loss.alpha=0.5,0.50"], "0.5 and 0.50 are the same"), (["a=1e-3,2,0.001"], "1e-3 and 0.001"),
    (["a=sgd,\"sgd\""], "sgd and \"sgd\""), (["a=[1, 2],[1,2.0]"], "are the same"),
    ((0..<25).map { "a\($0)=0,1,2,3,4,5,6,7,8,9" }, "more than 10,000"),
    (["a=1", "a=2"], "given twice"),
    (["a", "b", "c", "d", "e"].map { $0 + "=0,1,2,3,4,5,6" }, "more than 10,000"),
  ]) func mistakesAreNamed(texts: [String], part: String) throws {
    #expect(try #require(failure { try Grid(texts) }).contains(part))
  }

  @Test func everyCombinationIsAPoint() throws {
    let grid = try Grid(["a=1,2", "b=x,y,z"])
    #expect(grid.points == [["1", "x"], ["1", "y"], ["1", "z"], ["2", "x"], ["2", "y"], ["2", "z"]])
    #expect(grid.overrides(grid.points[4]) == ["a=2", "b=y"])
  }

  private func sweep(_ grids: [String], losses: [ContrastiveLoss] = [], runs: URL) throws -> Sweep {
    let file = try ExperimentFile(
      json:
        #"{"experiment": "e", "title": "E & F", "losses": {"supcon": {}, "spread": {}}, "seeds": [0, 1]}"#,
      source: "e.json")
    return try Sweep(
      file, grid: Grid(grids), profile: nil, overrides: [], losses: losses, seeds: [], runs: runs)
  }

  @Test func aLossThatASettingMeansNothingToIsRunOnce() throws {
    let sweep = try sweep(["loss.alpha=0,0.5,1"], runs: URL(fileURLWithPath: "/none"))
    let labels = sweep.planned.map {
      "\($0.configuration.objective.loss.symbol) \($0.configuration.objective.alpha) \($0.seed)"
    }
    let first = ["L_SC 0.5 0", "L_spread 0.0 0", "L_spread 0.5 0", "L_spread 1.0 0"]
    #expect(labels == first + first.map { $0.dropLast() + "1" })
    #expect(sweep.points.count == 6)
    #expect(sweep.file(".csv").path == "/none/e/custom/sweep-loss.alpha.csv")
    let message = try #require(
      failure { try self.sweep(["loss.alpa=0,1"], runs: URL(fileURLWithPath: "/none")) })
    #expect(message.contains("nearest: `loss.alpha`"), "\(message)")
  }

  /// The values differ as texts, and what they make does not.
  @Test(arguments: [
    (#"augmentation={"flip":0.5,"hue":0.1},{"hue":0.1,"flip":0.5}"#, "make the same runs"),
    ("threads=1,2", "1 and 2 make the same runs"), ("monitor.everyEpochs=0,1,2", "0 and 1 make the same"),
    (#"data.fraction=1,0.5,1.0"#, "1 and 1.0 are the same"),
  ]) func valuesThatMakeTheSameRunsAreAMistake(grid: String, part: String) throws {
    let message = try #require(
      failure { try self.sweep([grid], runs: URL(fileURLWithPath: "/none")) })
    #expect(message.hasPrefix("--grid \(grid.prefix(12))") && message.contains(part), "\(message)")
  }

  @Test func seedsAreAnAxis() throws {
    let sweep = try sweep(["seeds=[0],[1]"], losses: [.spread], runs: URL(fileURLWithPath: "/none"))
    #expect(sweep.planned.map(\.seed) == [0, 1])
  }

  @Test func aMistakeInAValueIsTheGrids() throws {
    for grid in ["loss.alpha=0,2", "epochs=1,x", "optimiser={\"rat\":1},{}"] {
      let message = try #require(
        failure { try self.sweep([grid], runs: URL(fileURLWithPath: "/none")) })
      #expect(message.hasPrefix("--grid ") && !message.contains("--set"), "\(message)")
    }
  }

  /// A complete run, as far as tables look at it.
  private func add(_ run: PlannedRun, fine: Double, to runs: URL) throws {
    try RunResult.sample(
      run.configuration, seed: run.seed, trainingImages: 180, validationImages: 20,
      figures: [
        "fineAccuracy": fine, "coarseAccuracy": 0.9, "neighbourAccuracy": 0.25, "classCosine": 0,
        "stratumCosine": 0, "withinVarianceShare": 1,
      ]
    ).complete(run.configuration, in: runs)
  }

  @Test func theTableShowsEveryPoint() throws {
    try withFolder { runs in
      let sweep = try sweep(["loss.alpha=0,1"], losses: [.spread], runs: runs)
      #expect(try SweepTable(sweep).svg == nil)
      for (run, fine) in zip(sweep.planned, [0.5, 0.7, 0.6]) { try add(run, fine: fine, to: runs) }
      let table = try SweepTable(sweep)
      let text = table.markdown
      #expect(
        text.hasPrefix("## E & F: loss.alpha\n\n| loss.alpha | loss     | fine       | k-NN "), "\(text)")
      #expect(
        text.contains("| 0          | L_spread | 55.0 ± 7.1 |")
          && text.contains("| 1          | L_spread | 70.0       |"))
      #expect(text.contains("Made with: profile custom; ViT; 20 epochs; 180 training images; seeds 0, 1."))
      #expect(text.contains("* loss.alpha=1, L_spread: no complete run with seed 1."))
      let lines = table.csv.split(separator: "\n")
      #expect(lines.count == 4 && lines[0].hasPrefix("loss.alpha,loss,seed,fine,k-NN,coarse,"))
      #expect(lines[1].hasPrefix("0,L_spread,0,50.0000,25.0000,90.0000,"))
      try table.write()
      #expect(try sweep.file(".csv").text() == table.csv)
      let svg = try sweep.file(".svg").text()
      #expect(svg.contains("E &amp; F, profile custom") && svg.contains(">loss.alpha</text>"))
      #expect(svg.components(separatedBy: "<polyline").count == 7)
      // Well formed, by a reader of its own.
      try wellFormed(svg)
    }
  }

  /// Every element is closed in its turn.
  private func wellFormed(_ svg: String) throws {
    var open: [Substring] = []
    for match in svg.matches(of: /<(\/?)(\w+)[^<>]*?(\/?)>/) {
      let (_, end, name, alone) = match.output
      if !alone.isEmpty { continue }
      if end.isEmpty { open.append(name) } else { #expect(open.popLast() == name) }
    }
    #expect(open.isEmpty)
  }

  @Test(arguments: [
    ([55.0, 70], ["55", "60", "70"]), ([0.1, 0.9], ["0.0", "0.2", "1.0"]), ([3, 3], ["3.000"]),
    ([-0.02, 0.03], ["-0.02", "0.03"]),
  ]) func ticksAreRoundAndHoldAllPoints(values: [Double], ticks: [String]) {
    let scale = LinePlot.Scale(values.map { Statistics([$0]) })
    #expect(values.allSatisfy { (-1e-9...1 + 1e-9).contains(scale.share(of: $0)) })
    let texts = scale.ticks.map(scale.text)
    #expect(ticks.allSatisfy(texts.contains) && (2...12).contains(texts.count), "\(texts)")
  }
}
