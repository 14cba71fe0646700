import Basics
import ContrastiveLosses
import Foundation
import Tensors

/// A loss and its gradients for embeddings in `.npy` files: what `spread-exp loss` prints.
package struct LossEvaluation {
  /// The loss, with the settings that it was computed with.
  package let objective: ContrastiveObjective
  /// The mean over anchors; always finite.
  package let value: Float
  /// With respect to the views as given, each `[B, d]`.
  package let gradient1: Tensor
  /// With respect to view 2 as given, `[B, d]`.
  package let gradient2: Tensor

  /// Reads the files and computes.
  ///
  /// - Parameters:
  ///   - view1, view2: `.npy` files, `[B, d]`, row i of both the same point.
  ///   - labels: an `.npy` file of B integers; nil for L_SS.
  ///   - note: told what a person should know of the rows.
  /// - Throws: `FileFormatError`, or `ContrastiveLossError` when settings and arrays do not go together.
  package init(
    _ objective: ContrastiveObjective, view1: String, view2: String, labels: String?,
    note: (String) -> Void = { _ in }
  ) throws {
    let (z1, z2) = (
      try readEmbeddings(view1, scalesRows: false, note: note),
      try readEmbeddings(view2, scalesRows: false, note: note)
    )
    guard z1.shape == z2.shape else {
      throw FileFormatError(view2, "the shape is \(z2.shape), and that of \(view1) is \(z1.shape)")
    }
    guard z1.shape[0] >= 2 else {
      throw FileFormatError(view1, "a contrastive loss needs at least 2 rows, and this has \(z1.shape[0])")
    }
    let classes = try labels.map { try readIntegers($0, meaning: "labels") }
    if let labels, let classes, classes.count != z1.shape[0] {
      throw FileFormatError(labels, "\(classes.count) labels for \(z1.shape[0]) rows of \(view1)")
    }
    z1.requiresGradient = true
    z2.requiresGradient = true
    let loss = try objective(z1, z2, labels: classes)
    loss.backward()
    guard loss.item().isFinite else {
      throw RunError(
        "the loss of \(view1) and \(view2) is \(loss.item()): their similarities, divided by the temperature "
          + "\(objective.temperature), are beyond what float32 holds")
    }
    self.objective = objective
    value = loss.item()
    gradient1 = z1.gradient ?? Tensor.zeros(z1.shape)
    gradient2 = z2.gradient ?? Tensor.zeros(z2.shape)
    for (file, gradient) in [(view1, gradient1), (view2, gradient2)] {
      guard let row = gradient.firstRowNotFinite else { continue }
      throw RunError(
        "\(file): the gradient of row \(row) is beyond what float32 holds; "
          + (objective.normalising
            ? "the row is so short that scaling it to unit length makes the gradient that long"
            : "the rows are too long for the temperature \(objective.temperature), and --normalise scales them")
      )
    }
  }

  /// What `writeGradients` calls its files.
  package static let gradientFiles = ["grad1.npy", "grad2.npy"]

  /// Writes `grad1.npy` and `grad2.npy`, float32, to a folder, which is made when it is not there.
  package func writeGradients(to folder: URL) throws {
    try AtomicFile.makeFolder(folder)
    for (name, gradient) in zip(Self.gradientFiles, [gradient1, gradient2]) {
      try Npy.write(gradient, to: folder.appendingPathComponent(name).path)
    }
  }

  /// The value, the gradients' Euclidean norms, and what they were computed with.
  package var json: String {
    var settings: [(String, JSONNode)] = [
      ("loss", .string(objective.loss.rawValue)), ("temperature", .number(objective.temperature)),
    ]
    if objective.loss.usesAlpha { settings.append(("alpha", .number(objective.alpha))) }
    settings.append(("layout", .string(objective.layout.rawValue)))
    if objective.layout == .crossView { settings.append(("symmetric", .bool(objective.symmetric))) }
    settings.append(("normalise", .bool(objective.normalising)))
    if let clamp = objective.positiveClamp { settings.append(("positiveClamp", .number(clamp))) }
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

/// One row a point, from an `.npy` file; every number is finite as a float32.
///
/// Rows of float64 that are too short for float32 are brought into its range where only their direction counts
/// (`scalesRows`), and refused where it does not.
/// - Parameter note: told of rows of zeros, which have no direction.
func readEmbeddings(_ path: String, scalesRows: Bool, note: (String) -> Void) throws -> Tensor {
  var array = try Npy.read(path)
  if let row = array.firstRowBelowFloat {
    guard scalesRows else {
      throw FileFormatError(
        path,
        "the values of row \(row) are too small for float32: multiply the embeddings, which scales their gradients down"
      )
    }
    array = array.scalingShortRows()
  }
  let z = array.tensor()
  guard z.rank == 2, z.shape[0] > 0, z.shape[1] > 0 else {
    throw FileFormatError(path, "embeddings must be N x d numbers, and the shape is \(z.shape)")
  }
  if let row = z.firstRowNotFinite {
    throw FileFormatError(path, "row \(row) has a value that is not finite in float32")
  }
  let zeros = z.withUnsafeData { values in
    (0..<z.shape[0]).filter { row in
      values[(row * z.shape[1])..<((row + 1) * z.shape[1])].allSatisfy { $0 == 0 }
    }
  }
  if let first = zeros.first {
    note(
      "note: \(path): \(zeros.count == 1 ? "row \(first) is" : "\(zeros.count) rows, the first of them row \(first), are") all "
        + "zeros, which no scaling makes a unit vector: cosines with it count as 0, and its gradient is divided by 1e-12"
    )
  }
  return z
}

/// A vector of integers from an `.npy` file.
func readIntegers(_ path: String, meaning: String) throws -> [Int] {
  let array = try Npy.read(path)
  guard array.shape.count == 1 else {
    throw FileFormatError(
      path,
      "\(meaning) must be a vector of integers, and the shape is \(array.shape)"
        + (array.shape.filter { $0 != 1 }.count == 1 ? ": save array.ravel()" : ""))
  }
  return try array.integers()
}
