import Basics
import Foundation
import Testing

@testable import NeuralNetworks

@Suite struct ScheduleTests {
  private func expect(
    _ schedule: Schedule, _ name: String, stepsPerEpoch: Int, epochs: Int, stride: Int = 1
  ) throws {
    let expected = try #require(try networkFixture("schedules").tensors[name]).scalars()
    for (i, value) in expected.enumerated() {
      let factor = schedule.factor(step: i * stride, stepsPerEpoch: stepsPerEpoch, epochs: epochs)
      #expect(abs(factor - Double(value)) < 2e-6, "\(name), value \(i): \(factor), expected \(value)")
    }
  }

  /// Also past the period, where the rate climbs again.
  @Test func cosineAgreesWithPyTorch() throws {
    try expect(.cosine(.init(period: 10)), "cosine", stepsPerEpoch: 7, epochs: 30, stride: 7)
    try expect(.cosine(.init(period: 8, minimum: 0.1)), "cosine-minimum", stepsPerEpoch: 1, epochs: 20)
  }

  @Test func multiStepAgreesWithPyTorch() throws {
    try expect(
      .multiStep(.init(milestones: [3, 5, 9], factor: 0.2)), "multistep", stepsPerEpoch: 4, epochs: 12,
      stride: 4)
  }

  @Test func cosineToZeroAgreesWithPyTorch() throws {
    try expect(.cosineToZero(.init()), "cosine-to-zero", stepsPerEpoch: 10, epochs: 6)
  }

  @Test func oneCycleAgreesWithPyTorch() throws {
    try expect(.oneCycle(.init()), "one-cycle", stepsPerEpoch: 10, epochs: 6)
    let other = Schedule.oneCycle(.init(rise: 0.1, startDivisor: 10, endDivisor: 100))
    try expect(other, "one-cycle-other", stepsPerEpoch: 10, epochs: 6)
  }

  @Test func schedulesByEpochHoldWithinAnEpoch() {
    for schedule in [Schedule.cosine(.init(period: 9)), .multiStep(.init(milestones: [1, 2]))] {
      for epoch in 0..<4 {
        let factors = (0..<5).map { schedule.factor(step: epoch * 5 + $0, stepsPerEpoch: 5, epochs: 4) }
        #expect(Set(factors).count == 1)
      }
    }
    let constant = Schedule.constant(.init())
    #expect((0..<9).allSatisfy { constant.factor(step: $0, stepsPerEpoch: 3, epochs: 3) == 1 })
  }

  @Test func warmUpAgreesWithPyTorchAndHandsOver() throws {
    let expected = try #require(try networkFixture("schedules").tensors["warm-up"]).scalars()
    var curve = Schedule.Cosine(period: 6)
    let schedule = Schedule.cosine(curve)
    func factor(_ step: Int, _ warmUp: Double = 2) -> Double {
      curve.warmUpEpochs = warmUp
      return Schedule.cosine(curve).factor(step: step, stepsPerEpoch: 10, epochs: 6)
    }
    for (step, value) in expected.enumerated() { #expect(abs(factor(step) - Double(value)) < 1e-6) }
    for step in 20..<60 { #expect(factor(step) == schedule.factor(step: step, stepsPerEpoch: 10, epochs: 6)) }
    // A part of an epoch: three steps of ten.
    for (step, expected) in [1.0 / 3, 2.0 / 3, 1, 1].enumerated() {
      #expect(abs(factor(step, 0.25) - expected) < 1e-12)
    }
  }

  @Test func factorsAreWithinBoundsForRunsOfAnyLength() {
    let schedules = [
      Schedule.constant(.init()), .cosine(.init(period: 3)), .multiStep(.init()), .cosineToZero(.init()),
      .oneCycle(.init()),
    ]
    for schedule in schedules {
      for (stepsPerEpoch, epochs) in [(1, 1), (1, 2), (3, 1), (7, 5)] {
        for step in 0..<(stepsPerEpoch * epochs) {
          let factor = schedule.factor(step: step, stepsPerEpoch: stepsPerEpoch, epochs: epochs)
          #expect(factor >= 0 && factor <= 1, "\(schedule), step \(step) of \(stepsPerEpoch) x \(epochs)")
        }
      }
    }
  }
}
