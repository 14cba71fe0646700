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
    try expect(.cosine(period: 10), "cosine", stepsPerEpoch: 7, epochs: 30, stride: 7)
    try expect(.cosine(period: 8, minimum: 0.1), "cosine-minimum", stepsPerEpoch: 1, epochs: 20)
  }

  @Test func multiStepAgreesWithPyTorch() throws {
    try expect(
      .multiStep(milestones: [3, 5, 9], factor: 0.2), "multistep", stepsPerEpoch: 4, epochs: 12, stride: 4)
  }

  @Test func cosineToZeroAgreesWithPyTorch() throws {
    try expect(.cosineToZero, "cosine-to-zero", stepsPerEpoch: 10, epochs: 6)
  }

  @Test func oneCycleAgreesWithPyTorch() throws {
    try expect(.oneCycle(), "one-cycle", stepsPerEpoch: 10, epochs: 6)
    let other = Schedule.oneCycle(warmUp: 0.1, startDivisor: 10, endDivisor: 100)
    try expect(other, "one-cycle-other", stepsPerEpoch: 10, epochs: 6)
  }

  @Test func schedulesByEpochHoldWithinAnEpoch() {
    for schedule in [Schedule.cosine(period: 9), .multiStep(milestones: [1, 2])] {
      for epoch in 0..<4 {
        let factors = (0..<5).map { schedule.factor(step: epoch * 5 + $0, stepsPerEpoch: 5, epochs: 4) }
        #expect(Set(factors).count == 1)
      }
    }
    #expect((0..<9).allSatisfy { Schedule.constant.factor(step: $0, stepsPerEpoch: 3, epochs: 3) == 1 })
  }

  @Test func warmUpAgreesWithPyTorchAndHandsOver() throws {
    let expected = try #require(try networkFixture("schedules").tensors["warm-up"]).scalars()
    let schedule = Schedule.cosine(period: 6)
    func factor(_ step: Int, _ warmUp: Double = 2) -> Double {
      schedule.factor(step: step, stepsPerEpoch: 10, epochs: 6, warmUpEpochs: warmUp)
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
      Schedule.constant, .cosine(period: 3), .multiStep(milestones: []), .cosineToZero, .oneCycle(),
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

  @Test func schedulesAreCodable() throws {
    let schedules: [Schedule] = [
      .constant, .cosine(period: 100, minimum: 0.01), .multiStep(milestones: [1, 2], factor: 0.3),
      .cosineToZero,
      .oneCycle(warmUp: 0.2, startDivisor: 5, endDivisor: 50),
    ]
    let data = try JSONEncoder().encode(schedules)
    #expect(try JSONDecoder().decode([Schedule].self, from: data) == schedules)
  }
}
