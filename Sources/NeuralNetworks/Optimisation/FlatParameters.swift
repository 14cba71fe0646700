import Basics
import CKernels
import Tensors

/// The trained tensors of a network in one piece of memory, so that an optimiser's step is one pass.
///
/// The parameters are moved into it when it is made; gradients are gathered into a second piece for each
/// step.
final class FlatParameters {
  let names: [String]
  let tensors: [Tensor]
  /// Where each tensor starts.
  let offsets: [Int]
  let values: Tensor
  let gradients: Tensor

  init(_ parameters: [(name: String, tensor: Tensor)]) {
    require(!parameters.isEmpty, "an optimiser needs at least one parameter")
    names = parameters.map(\.name)
    tensors = parameters.map(\.tensor)
    // Each tensor starts on a cache line.
    var offsets: [Int] = []
    var end = 0
    for tensor in tensors {
      offsets.append(end)
      end += (tensor.count + 15) / 16 * 16
    }
    self.offsets = offsets
    values = Tensor.zeros([end])
    gradients = Tensor.zeros([end])
    for (tensor, offset) in zip(tensors, offsets) { tensor.move(to: values.storage, offset: offset) }
  }

  var count: Int { values.count }

  /// Copies the parameters' gradients into `gradients`; 0 where a parameter has none.
  func gatherGradients() {
    Parallel.forEach(tensors.count) { range in
      for i in range {
        let target = gradients.pointer + offsets[i]
        if let gradient = tensors[i].gradient {
          gradient.withUnsafeData { target.update(from: $0.baseAddress!, count: $0.count) }
        } else {
          target.update(repeating: 0, count: tensors[i].count)
        }
      }
    }
  }

  /// The Euclidean norm of all gathered gradients. Summed in fixed blocks, so that it does not depend on the
  /// thread count.
  func gradientNorm() -> Float {
    let block = 1 << 16
    let blocks = (count + block - 1) / block
    let partial = Tensor.uninitialised([blocks])
    Parallel.forEach(blocks) { range in
      for b in range {
        let piece = gradients.pointer + b * block
        partial.pointer[b] = ck_dot(min(block, count - b * block), piece, piece)
      }
    }
    let norm = partial.sum().item().squareRoot()
    // Squares of values far from 1 are beyond what float32 holds, or lose digits in it.
    return (0x1p-40...0x1p40).contains(norm) ? norm : normInDouble()
  }

  private func normInDouble() -> Float {
    gradients.withUnsafeData { values in
      Float(values.reduce(0.0) { $0 + Double($1) * Double($1) }.squareRoot())
    }
  }

  /// A copy of a state vector in the shapes of the parameters, for a checkpoint.
  func named(_ state: Tensor, _ kind: String) -> [(name: String, tensor: Tensor)] {
    views(state, kind).map { (name: $0.name, tensor: $0.tensor.copy()) }
  }

  /// The reverse of `named`, for several state vectors by their kinds. Nothing is changed when one does not
  /// fit.
  func load(_ saved: [String: Tensor], into states: [(kind: String, state: Tensor)]) throws {
    let targets = states.flatMap { views($0.state, $0.kind) }
    for (name, view) in targets where saved[name]?.shape != view.shape {
      throw StateError(
        description: "the optimiser's state lacks \(name) of shape \(view.shape)"
          + (saved[name].map { "; it has the shape \($0.shape)" } ?? ""))
    }
    for (name, view) in targets {
      saved[name]!.withUnsafeData { source in
        view.withUnsafeMutableData { _ = $0.update(fromContentsOf: source) }
      }
    }
  }

  private func views(_ state: Tensor, _ kind: String) -> [(name: String, tensor: Tensor)] {
    zip(zip(names, tensors), offsets).map { entry, offset in
      (
        name: "\(kind).\(entry.0)",
        tensor: state.sliced(offset..<(offset + entry.1.count)).reshaped(entry.1.shape)
      )
    }
  }
}
