import Basics
import ContrastiveLosses
import Foundation
import Tensors
import TestSupport
import Testing

/// One file of Tests/Fixtures/losses, as make_loss_fixtures.py wrote it.
struct LossFixture {
  let name: String
  private let arrays: [String: NpyArray]

  init(_ name: String) throws {
    self.name = name
    arrays = try Npz.read(fixture("losses/\(name)"))
  }

  static let names: [String] =
    ((try? FileManager.default.contentsOfDirectory(atPath: fixture("losses"))) ?? []).filter {
      $0.hasSuffix(".npz")
    }
    .sorted()

  func array(_ name: String) throws -> NpyArray { try #require(arrays[name]) }

  func views() throws -> (Tensor, Tensor) {
    let views = (try array("view1").tensor(), try array("view2").tensor())
    views.0.requiresGradient = true
    views.1.requiresGradient = true
    return views
  }

  func labels() throws -> [Int] { try array("labels").integers() }

  /// The settings of the case for one loss; rows are taken as they are.
  func objective(_ loss: ContrastiveLoss, tileRows: Int? = nil) throws -> ContrastiveObjective {
    let settings = try array("settings").tensor().scalars().map { Double("\($0)")! }
    return ContrastiveObjective(
      loss, temperature: settings[0], alpha: settings[1], layout: settings[2] == 1 ? .pooled : .crossView,
      symmetric: settings[3] == 1, normalising: false, positiveClamp: settings[4] < 0 ? nil : settings[4],
      tileRows: tileRows)
  }
}

/// Unit rows, two views of `batch` points of `classes` classes.
func randomBatch(_ batch: Int, _ width: Int, classes: Int, seed: UInt64) -> (Tensor, Tensor, [Int]) {
  var generator = RandomGenerator(seed: seed)
  let base = Tensor.normal([batch, width], using: &generator)
  let first = (base + Tensor.normal([batch, width], deviation: 0.5, using: &generator)).normalised().copy()
  let second = (base + Tensor.normal([batch, width], deviation: 0.5, using: &generator)).normalised().copy()
  first.requiresGradient = true
  second.requiresGradient = true
  return (first, second, (0..<batch).map { _ in generator.below(classes) })
}

/// Value and gradients of one call.
func evaluate(
  _ objective: ContrastiveObjective, _ view1: Tensor, _ view2: Tensor, _ labels: [Int]?
) throws -> (value: Float, gradient1: Tensor, gradient2: Tensor) {
  view1.gradient = nil
  view2.gradient = nil
  let loss = try objective(view1, view2, labels: labels)
  loss.backward()
  return (loss.item(), try #require(view1.gradient), try #require(view2.gradient))
}
