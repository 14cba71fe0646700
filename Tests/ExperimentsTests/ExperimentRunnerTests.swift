import Basics
import Foundation
import Tensors
import TestSupport
import Testing

@testable import Experiments

@Suite struct ExperimentRunnerTests {
  @Test func aResultIsSavedAndNotMadeAgain() throws {
    try withFolder { folder in
      let tiny = try TinyExperiment(in: folder)
      let runs = folder.appendingPathComponent("runs")
      var lines = ""
      let runner = ExperimentRunner(runs: runs, dataFolder: folder, progress: silent { lines += $0 })
      let result = try runner.run(tiny.configuration, seed: 2)
      let run = RunFolder.of(tiny.configuration, seed: 2, in: runs)
      #expect(try RunResult.read(run.result) == result)
      #expect(result.seed == 2 && result.fingerprint == tiny.configuration.fingerprint)
      #expect(result.trainingImages == 126 && result.validationImages == 14 && result.testImages == 40)
      #expect(result.classCollapse.groups.map(\.count) == [20, 20])
      #expect(result.stratumCollapse.groups.count == 10)
      #expect(lines.contains("tiny L_spread seed 2: starts, 126 training images"))
      let environment = RunEnvironment.read(run.environment)
      #expect(environment.sessions.count == 1 && environment.warning == nil)
      #expect(Set(environment.seconds?.keys.map { $0 } ?? []) == ["loading", "training", "evaluation"])

      lines = ""
      // A complete run needs neither data nor a network.
      let again = ExperimentRunner(runs: runs, dataFolder: runs, progress: silent { lines += $0 })
      #expect(try again.run([tiny.configuration], seeds: [2]) == [result])
      #expect(lines == "tiny L_spread seed 2: complete already, \(run.url.path)\n")

      // Without its result it is evaluated again, from the saved network.
      try FileManager.default.removeItem(at: run.result)
      lines = ""
      let anew = try runner.run(tiny.configuration, seed: 2)
      #expect(try RunResult.read(run.result) == anew)
      #expect(anew.bestEpoch == result.bestEpoch && anew.validationAccuracy == result.validationAccuracy)
      #expect(lines.contains("goes on after epoch 4") && !lines.contains("epoch 5"))
      #expect(RunEnvironment.read(run.environment).sessions.map(\.fromEpoch) == [0, 4])
    }
  }

  @Test func missingDataAreNamedAndLeaveNoResult() throws {
    try withFolder { folder in
      let tiny = try TinyExperiment(in: folder)
      let elsewhere = folder.appendingPathComponent("elsewhere")
      let runner = ExperimentRunner(runs: folder, dataFolder: elsewhere, progress: silent())
      let message = try #require(failure { try runner.run(tiny.configuration, seed: 0) })
      #expect(message.contains("train-images-idx3-ubyte") && message.contains("SPREAD_DATA"))
      #expect(!RunFolder.of(tiny.configuration, seed: 0, in: folder).isComplete)
    }
  }

  @Test func aDamagedResultSaysWhichKey() throws {
    try withFolder { folder in
      let file = folder.appendingPathComponent("result.json")
      func message(_ text: String) throws -> String {
        try file.write(text)
        let error = try #require(throws: RunError.self) { try RunResult.read(file) }
        #expect(error.description.hasPrefix(file.path) && error.description.contains("Remove it"))
        return error.description
      }
      #expect(try message("{").contains("it is not JSON"))
      #expect(try message("{}").contains("the key \"experiment\" is missing"))
      #expect(try message("{\"experiment\": 3}").contains("the value of \"experiment\" has another type"))
      try FileManager.default.removeItem(at: file)
      #expect(throws: RunError.self) { try RunResult.read(file) }
    }
  }

  @Test func aChangeThatDecidesTheLastBitsIsTold() throws {
    var environment = RunEnvironment(sessions: [])
    environment.addSession(data: "here", fromEpoch: 0, step: 0)
    environment.addSession(data: "there", fromEpoch: 0, step: 0)
    // Other tests of this process change the number of threads at any moment.
    environment.sessions[1].machine = environment.sessions[0].machine
    #expect(environment.warning == nil)
    environment.sessions[0].machine.threads += 1
    environment.sessions[0].machine.blasKernel = "Other"
    let warning = try #require(environment.warning)
    #expect(warning.contains("threads instead of") && warning.contains("other BLAS kernels"))
    #expect(!warning.contains("another processor"))
    try withFolder { folder in
      let file = folder.appendingPathComponent("environment.json")
      #expect(RunEnvironment.read(file) == RunEnvironment(sessions: []))
      try environment.write(to: file)
      #expect(RunEnvironment.read(file) == environment)
    }
  }
}
