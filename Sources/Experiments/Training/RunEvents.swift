import Basics
import Foundation
import TensorBoardEvents

/// What TensorBoard is told of a run, beside `metrics.jsonl`: figures of single steps now and then, of every epoch,
/// and of the test at the end, by the number of optimiser steps done.
struct RunEvents {
  /// Nil where the settings want none.
  private let log: EventLog?
  private let everySteps: Int

  /// - Parameter step: the steps that the run goes on after; nil: it begins, and its settings are written first.
  init(_ configuration: ExperimentConfiguration, seed: Int, folder: RunFolder, after step: Int?) throws {
    everySteps = configuration.tensorBoard.everySteps
    guard configuration.tensorBoard.enabled else {
      log = nil
      return
    }
    log = try EventLog(folder: folder.url, after: step)
    guard step == nil else { return }
    let identity = configuration.identity.node.removing("seeds").removing("title")
    let settings = identity.leaves + [("seed", JSONNode.integer(seed))]
    let rows = settings.map { "| \($0.0) | \($0.1.text ?? $0.1.compactText) |" }
    try log?.add(
      text: (["| setting | value |", "|---|---|"] + rows).joined(separator: "\n"), tag: "configuration")
    try log?.add(
      hyperparameters: settings.compactMap { name, node in node.hyperparameter.map { (name, $0) } })
  }

  /// - Parameter done: steps of the run, this one included.
  func add(_ figures: TrainingStep.Outcome, classifierWeight: Double, rate: Double, done: Int) throws {
    guard let log, done % everySteps == 0 else { return }
    try log.add(
      [
        ("step/loss", figures.contrastive + classifierWeight * figures.crossEntropy),
        ("step/gradientNorm", figures.gradientNorm), ("step/rate", rate),
      ], step: done)
  }

  /// All figures of an epoch, in groups.
  func add(_ metrics: EpochMetrics) throws {
    // TensorBoard draws nothing of a curve with a value that is no number.
    let figures = metrics.ordered.filter(\.value.isFinite).map {
      ("\($0.figure.group.rawValue)/\($0.figure.key)", $0.value)
    }
    try log?.add(
      [("\(EpochFigure.Group.time.rawValue)/epoch", Double(metrics.epoch))] + figures, step: metrics.step)
  }

  /// The figures of the result.
  func add(_ result: RunResult, done: Int) throws {
    let figures = Measure.all.compactMap { measure in result[measure].map { ("test/\(measure.key)", $0) } }
      .filter(\.1.isFinite)
    try log?.add(figures, step: done)
  }
}

extension JSONNode {
  fileprivate var hyperparameter: EventLog.Value? {
    switch value {
    case .null: nil
    case .bool(let flag): .flag(flag)
    case .string(let text): .text(text)
    case .number: double.map { .number($0) }
    case .array, .object: .text(compactText)
    }
  }
}
