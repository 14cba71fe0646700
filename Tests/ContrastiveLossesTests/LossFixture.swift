import Basics
import ContrastiveLosses
import Foundation
import Tensors
import Testing

/// One file of Tests/Fixtures/losses, as make_loss_fixtures.py wrote it.
struct LossFixture {
  let name: String
  private let arrays: [String: NpyArray]

  init(_ name: String) throws {
    self.name = name
    arrays = try Npz.read("\(LossFixture.folder)/\(name)")
  }

  static var folder: String {
    let tests = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    return tests.appendingPathComponent("Fixtures/losses").path
  }

  static let names: [String] =
    ((try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []).filter { $0.hasSuffix(".npz") }
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
    let settings = try array("settings").tensor().scalars()
    return ContrastiveObjective(
      loss, temperature: settings[0], alpha: settings[1], layout: settings[2] == 1 ? .pooled : .crossView,
      symmetric: settings[3] == 1, normalising: false, positiveClamp: settings[4] < 0 ? nil : settings[4],
      tileRows: tileRows)
  }
}

/// The norm of the difference over the norm of the expected; the norm of the difference where little is
/// expected.
func relativeError(_ actual: Tensor, _ expected: Tensor) -> Double {
  guard actual.shape == expected.shape else { return .infinity }
  let (a, b) = (actual.scalars(), expected.scalars())
  let difference = zip(a, b).reduce(0.0) { $0 + pow(Double($1.0) - Double($1.1), 2) }.squareRoot()
  let norm = b.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
  return norm < 1e-4 ? difference : difference / norm
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
