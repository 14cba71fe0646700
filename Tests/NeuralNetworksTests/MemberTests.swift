import Foundation
import Tensors
import Testing

@testable import NeuralNetworks

/// Tensors that a module stores and that its `members` do not list, or list as what they are not: by the names of the
/// properties that lead to them.
///
/// Looked through are the module's own properties, those of modules among them, and whatever arrays, optionals, tuples
/// and structures hold; what a closure captured is not seen.
private func forgottenMembers(of module: any Module) -> [String] {
  let parameters = Set(module.parameters().map { ObjectIdentifier($0.tensor) })
  let buffers = Set(module.buffers().map { ObjectIdentifier($0.tensor) })
  return storedTensors(in: module, path: "").filter { _, tensor in
    !(tensor.requiresGradient ? parameters : buffers).contains(ObjectIdentifier(tensor))
  }.map(\.path)
}

private func storedTensors(in value: Any, path: String) -> [(path: String, tensor: Tensor)] {
  if let tensor = value as? Tensor { return [(path, tensor)] }
  var found: [(path: String, tensor: Tensor)] = []
  var mirror: Mirror? = Mirror(reflecting: value)
  // A property of another class than a module belongs to somebody else, or cannot be told from it.
  if mirror?.displayStyle == .class && !(value is any Module) { return [] }
  while let present = mirror {
    for (place, child) in present.children.enumerated() {
      let name = present.displayStyle == .optional ? "" : child.label ?? String(place)
      found += storedTensors(
        in: child.value, path: [path, name].filter { !$0.isEmpty }.joined(separator: "."))
    }
    mirror = present.superclassMirror
  }
  return found
}

/// A layer as a user writes one: the example at `parameter(_:)`.
private final class Scale: Layer {
  let scale: Tensor
  init(_ width: Int) { scale = parameter(.ones([width])) }
  var members: [Member] { [.parameter("scale", scale)] }
  func callAsFunction(_ x: Tensor, _ pass: inout Pass) -> Tensor { x * scale }
}

/// Every way of storing something, and a list of members that leaves some out.
private class Forgetful: Module {
  let weight = parameter(.ones([2]))
  let bias: Tensor? = parameter(.zeros([2]))
  let mean = Tensor.zeros([2])
  let layers = [[Scale(1)], [Scale(2), Scale(3)]]
  let pair: (first: Scale, second: LayerNorm)? = (Scale(4), LayerNorm(5))
  let named = ["a": Scale(6)]
  let dropout = Dropout(0.1)

  var members: [Member] { listed.compactMap { left.contains($0.name) ? nil : $0.member } }
  let left: Set<String>
  private var listed: [(name: String, member: Member)] {
    [
      ("weight", .parameter("weight", weight)), ("bias", .parameter("bias", bias!)),
      ("mean", .buffer("mean", mean)), ("0.0", .module("0.0", layers[0][0])),
      ("1.0", .module("1.0", layers[1][0])), ("1.1", .module("1.1", layers[1][1])),
      ("first", .module("first", pair!.first)), ("second", .module("second", pair!.second)),
      ("a", .module("a", named["a"]!)),
    ]
  }

  init(leaving left: Set<String>) { self.left = left }
}

/// What it stores is in its superclass.
private final class Heir: Forgetful {}

/// A buffer that is listed as trained.
private final class Mistaken: Module {
  let mean = Tensor.zeros([2])
  var members: [Member] { [.parameter("mean", mean)] }
}

@Suite struct MemberTests {
  /// One of every kind of module in the library, two where what they store differs.
  private static func modules() -> [any Module] {
    var generator = RandomGenerator(seed: 1)
    var transformer = VisionTransformer.Configuration()
    (transformer.width, transformer.depth, transformer.heads, transformer.mlpWidth) = (8, 2, 2, 16)
    func residual(_ stem: ResNet.Stem) -> ResNet {
      ResNet(ResNet.Configuration(width: 4, blocks: [2, 1], stem: stem), using: &generator)
    }
    return [
      Linear(2, 3, using: &generator), Linear(2, 3, bias: false, using: &generator), LayerNorm(3),
      BatchNorm2d(3), Dropout(0.1), DropPath(0.1), MaxPool2d(2), AveragePool2d(2),
      Conv2d(2, 3, kernel: 3, using: &generator), Conv2d(2, 3, kernel: 3, bias: false, using: &generator),
      MultiHeadSelfAttention(8, heads: 2, using: &generator),
      ProjectionHead(4, hiddenWidth: 3, outputs: 2, using: &generator),
      PatchEmbedding(transformer, images: ImageShape(), using: &generator),
      TransformerBlock(transformer, stochasticDepth: 0.1, using: &generator),
      VisionTransformer(transformer, using: &generator),
      BasicBlock(4, 4, stride: 1, using: &generator), BasicBlock(4, 8, stride: 2, using: &generator),
      residual(.small), residual(.large),
    ]
  }

  @Test("what a module stores, it lists")
  func complete() {
    for module in Self.modules() {
      #expect(forgottenMembers(of: module) == [], "\(type(of: module))")
      for (name, tensor) in module.parameters() {
        #expect(tensor.requiresGradient, "\(type(of: module)): \(name) cannot be trained")
      }
      let names = module.state().map(\.name)
      #expect(Set(names).count == names.count, "\(type(of: module)): a name stands twice in \(names)")
    }
  }

  @Test("every class of the library that is a module is among those that are tried")
  func everyKind() throws {
    let sources = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
      .deletingLastPathComponent().appendingPathComponent("Sources/NeuralNetworks")
    let files = try #require(FileManager.default.enumerator(at: sources, includingPropertiesForKeys: nil))
    var found: Set<String> = []
    for case let file as URL in files where file.pathExtension == "swift" {
      let text = try String(contentsOf: file, encoding: .utf8)
      for match in text.matches(of: /\n *(?:\w+ )*class (\w+): [^{]*\b(?:Module|Layer|Encoder)\b/) {
        found.insert(String(match.1))
      }
    }
    #expect(found.count >= 15)
    #expect(found == Set(Self.modules().map { "\(type(of: $0))" }))
  }

  @Test("what is forgotten is found, wherever it is stored")
  func forgotten() {
    #expect(forgottenMembers(of: Forgetful(leaving: [])) == [])
    let paths = [
      "weight": ["weight"], "bias": ["bias"], "mean": ["mean"], "0.0": ["layers.0.0.scale"],
      "1.1": ["layers.1.1.scale"], "first": ["pair.first.scale"],
      "second": ["pair.second.weight", "pair.second.bias"], "a": ["named.0.value.scale"],
    ]
    for (name, path) in paths { #expect(forgottenMembers(of: Forgetful(leaving: [name])) == path) }
    #expect(forgottenMembers(of: Heir(leaving: ["weight", "1.0"])) == ["weight", "layers.1.0.scale"])
    #expect(forgottenMembers(of: Mistaken()) == ["mean"])
  }

  @Test("a user's own layer is trained like the library's")
  func ownLayer() {
    let layer = Scale(2)
    var pass = Pass.evaluation
    let optimiser = SGD(layer.parameters(), .init(momentum: 0))
    layer(Tensor([1, 2, 3, 4], shape: [2, 2]), &pass).sum().backward()
    optimiser.step(rate: 0.5)
    #expect(layer.scale.scalars() == [-1, -2])
    #expect(forgottenMembers(of: layer) == [])
  }
}
