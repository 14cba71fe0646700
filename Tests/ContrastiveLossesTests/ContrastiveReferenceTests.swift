import Basics
import ContrastiveLosses
import Foundation
import Tensors
import TestSupport
import Testing

@Suite("Contrastive losses against float64 references")
struct ContrastiveReferenceTests {
  @Test("fixtures are there")
  func fixtures() { #expect(LossFixture.names.count == 23) }

  @Test("values and gradients agree, whatever the tile", arguments: LossFixture.names)
  func reference(_ name: String) throws {
    let fixture = try LossFixture(name)
    let (view1, view2) = try fixture.views()
    for loss in ContrastiveLoss.allCases {
      let expected = try fixture.array("\(loss.rawValue).value").tensor().scalars()[0]
      for tile in [nil, 1, 3, 64] {
        let objective = try fixture.objective(loss, tileRows: tile)
        let result = try evaluate(objective, view1, view2, fixture.labels())
        let what: Comment = "\(name), \(loss.rawValue), tile \(tile ?? 0)"
        #expect(abs(result.value - expected) <= max(1e-5, 2e-5 * abs(expected)), what)
        for (gradient, key) in [(result.gradient1, "gradient1"), (result.gradient2, "gradient2")] {
          let reference = try fixture.array("\(loss.rawValue).\(key)").tensor()
          #expect(relativeError(gradient, reference) <= 2e-5, what)
        }
      }
    }
  }

  @Test("references of another origin, where SPREAD_LOSS_REFERENCE names their folder")
  func otherReferences() throws {
    guard let root = ProcessInfo.processInfo.environment["SPREAD_LOSS_REFERENCE"] else { return }
    let files: [(String, ContrastiveLoss)] = [
      ("self_supervised", .selfSupervised), ("supcon", .supcon), ("attract", .attract), ("repel", .repel),
      ("spread", .spread),
    ]
    for name in try FileManager.default.contentsOfDirectory(atPath: root).sorted() {
      let folder = "\(root)/\(name)"
      let settings = try json("\(folder)/case.json")
      let expected = try json("\(folder)/expected.json")
      let (view1, view2) = (
        try Npy.read("\(folder)/view1.npy").tensor(), try Npy.read("\(folder)/view2.npy").tensor()
      )
      view1.requiresGradient = true
      view2.requiresGradient = true
      for (file, loss) in files {
        let objective = ContrastiveObjective(
          loss, temperature: try #require(settings["temperature"] as? Double),
          alpha: try #require(settings["alpha"] as? Double),
          layout: try #require(ContrastiveLayout(rawValue: settings["layout"] as? String ?? "")),
          normalising: false)
        let result = try evaluate(objective, view1, view2, Npy.read("\(folder)/labels.npy").integers())
        let value = Float(try #require((expected[file] as? [String: Double])?["value"]))
        #expect(abs(result.value - value) <= max(1e-5, 1e-4 * abs(value)), "\(name), \(file)")
        for (gradient, key) in [(result.gradient1, "grad1"), (result.gradient2, "grad2")] {
          #expect(
            relativeError(gradient, try Npy.read("\(folder)/\(file).\(key).npy").tensor()) <= 1e-4,
            "\(name), \(file)")
        }
      }
    }
  }

  private func json(_ path: String) throws -> [String: Any] {
    try #require(
      JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: path))) as? [String: Any])
  }
}
