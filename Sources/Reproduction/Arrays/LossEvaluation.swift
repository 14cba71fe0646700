import ContrastiveLosses
import Foundation
import Tensors

/// A loss and its gradients for embeddings in `.npy` files: what `spread-exp loss` prints.
public struct LossEvaluation {
  public let objective: ContrastiveObjective
  public let value: Float
  /// With respect to the views as given, each `[B, d]`.
  public let gradient1: Tensor
  public let gradient2: Tensor

  /// Reads the files and computes.
  ///
  /// - Parameters:
  ///   - view1, view2: `.npy` files, `[B, d]`, row i of both the same point.
  ///   - labels: an `.npy` file of B integers; nil for L_SS.
  /// - Throws: `FileFormatError`, or `ContrastiveLossError` when settings and arrays do not go together.
  public init(_ objective: ContrastiveObjective, view1: String, view2: String, labels: String?) throws {
    let (z1, z2) = (try Npy.read(view1).tensor(), try Npy.read(view2).tensor())
    let classes = try labels.map { try readIntegers($0, meaning: "labels") }
    z1.requiresGradient = true
    z2.requiresGradient = true
    let loss = try objective(z1, z2, labels: classes)
    loss.backward()
    self.objective = objective
    value = loss.item()
    gradient1 = z1.gradient ?? Tensor.zeros(z1.shape)
    gradient2 = z2.gradient ?? Tensor.zeros(z2.shape)
  }

  /// Writes `grad1.npy` and `grad2.npy`, float32, to a folder, which is made when it is not there.
  public func writeGradients(to folder: URL) throws {
    do {
      try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    } catch {
      throw RunError("\(folder.path) could not be made: \(error.localizedDescription)")
    }
    try Npy.write(gradient1, to: folder.appendingPathComponent("grad1.npy").path)
    try Npy.write(gradient2, to: folder.appendingPathComponent("grad2.npy").path)
  }

  /// The value, the gradients' Euclidean norms, and what they were computed with.
  public var json: String {
    var settings: [(String, JSONNode)] = [
      ("loss", .string(objective.loss.rawValue)), ("temperature", .number(decimal(objective.temperature))),
    ]
    if objective.loss == .spread { settings.append(("alpha", .number(decimal(objective.alpha)))) }
    settings.append(("layout", .string(objective.layout.rawValue)))
    if objective.layout == .crossView { settings.append(("symmetric", .bool(objective.symmetric))) }
    settings.append(("normalise", .bool(objective.normalising)))
    if let clamp = objective.positiveClamp { settings.append(("positiveClamp", .number(decimal(clamp)))) }
    return JSONNode.object(
      settings + [
        ("batch", .integer(gradient1.shape[0])), ("dimensions", .integer(gradient1.shape[1])),
        ("value", .number(decimal(value))), ("gradientNorm1", .number(norm(gradient1))),
        ("gradientNorm2", .number(norm(gradient2))),
      ]
    ).prettyText.trimmingCharacters(in: .newlines)
  }
}

/// Euclidean norm, summed in double precision.
private func norm(_ tensor: Tensor) -> Double {
  tensor.withUnsafeData { values in
    values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot()
  }
}

/// The number whose shortest decimal digits are those of the float: 0.1 rather than 0.10000000149.
private func decimal(_ number: Float) -> Double { Double("\(number)") ?? Double(number) }

/// A vector of integers from an `.npy` file.
func readIntegers(_ path: String, meaning: String) throws -> [Int] {
  let array = try Npy.read(path)
  guard array.shape.count == 1 else {
    throw FileFormatError(path, "\(meaning) must be a vector of integers, and the shape is \(array.shape)")
  }
  return try array.integers()
}
