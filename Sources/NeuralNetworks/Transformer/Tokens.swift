import Basics
import CKernels
import Tensors

// Between images and sequences of tokens: each one node, one pass over its result.

/// Square patches of `[batch, channels, height, width]` as rows: `[batch, patches, side * side * channels]`,
/// patches by row then column, a patch's values by row, column, channel.
func patches(_ images: Tensor, side: Int) -> Tensor {
  let layout = PatchLayout(images.shape, side: side)
  let result = Tensor.uninitialised([layout.batch, layout.patches, layout.patchLength])
  layout.forEachRun { image, patch, step, count in
    let (source, target) = (images.pointer + image, result.pointer + patch)
    for i in 0..<count { target[i * step] = source[i] }
  }
  return Tensor.record(result, from: [images]) { upstream in
    let gradient = Tensor.uninitialised(layout.shape)
    layout.forEachRun { image, patch, step, count in
      let (source, target) = (upstream.pointer + patch, gradient.pointer + image)
      for i in 0..<count { target[i] = source[i * step] }
    }
    return [gradient]
  }
}

private struct PatchLayout: Sendable {
  let shape: [Int]
  let side: Int

  init(_ shape: [Int], side: Int) {
    require(
      shape.count == 4 && shape[2] % side == 0 && shape[3] % side == 0,
      "patches of side \(side) do not tile \(shape)")
    self.shape = shape
    self.side = side
  }

  var batch: Int { shape[0] }
  var patches: Int { (shape[2] / side) * (shape[3] / side) }
  var patchLength: Int { side * side * shape[1] }

  /// Each run of `count` pixels of an image's row that belong to one patch: its start in the images, its
  /// start in the patches, and the step between its values there.
  func forEachRun(_ body: (_ image: Int, _ patch: Int, _ step: Int, _ count: Int) -> Void) {
    let (channels, height, width) = (shape[1], shape[2], shape[3])
    let perRow = width / side
    Parallel.forEach(batch) { images in
      for image in images {
        for channel in 0..<channels {
          for y in 0..<height {
            let source = ((image * channels + channel) * height + y) * width
            for column in 0..<perRow {
              let patch = (image * patches + y / side * perRow + column) * patchLength
              body(source + column * side, patch + y % side * side * channels + channel, channels, side)
            }
          }
        }
      }
    }
  }
}

/// A class token before the tokens of each image, and the positions added to all: `[batch, n, width]` to
/// `[batch, 1 + n, width]`.
func withClassToken(_ tokens: Tensor, _ classToken: Tensor, _ positions: Tensor) -> Tensor {
  let (batch, n, width) = (tokens.shape[0], tokens.shape[1], tokens.shape[2])
  require(
    classToken.count == width && positions.shape == [n + 1, width],
    "positions of shape \(positions.shape) do not fit tokens of shape \(tokens.shape) and a class token")
  let result = Tensor.uninitialised([batch, n + 1, width])
  Parallel.forEach(batch) { images in
    for image in images {
      let target = result.pointer + image * (n + 1) * width
      ck_add(width, classToken.pointer, positions.pointer, target)
      ck_add(n * width, tokens.pointer + image * n * width, positions.pointer + width, target + width)
    }
  }
  return Tensor.record(result, from: [tokens, classToken, positions]) { upstream in
    let dTokens = Tensor.uninitialised([batch, n, width])
    Parallel.forEach(batch) { images in
      for image in images {
        (dTokens.pointer + image * n * width).update(
          from: upstream.pointer + (image * (n + 1) + 1) * width, count: n * width)
      }
    }
    let dPositions = upstream.sum(axis: 0)
    return [dTokens, dPositions.sliced(0..<1).reshaped([width]), dPositions]
  }
}

/// The first position of each image: `[batch, positions, width]` to `[batch, 1, width]`.
func firstPosition(_ tokens: Tensor) -> Tensor {
  let shape = tokens.shape
  let stride = shape[1] * shape[2]
  let result = Tensor.uninitialised([shape[0], 1, shape[2]])
  for image in 0..<shape[0] {
    (result.pointer + image * shape[2]).update(from: tokens.pointer + image * stride, count: shape[2])
  }
  return Tensor.record(result, from: [tokens]) { upstream in
    let gradient = Tensor.zeros(shape)
    for image in 0..<shape[0] {
      (gradient.pointer + image * stride).update(from: upstream.pointer + image * shape[2], count: shape[2])
    }
    return [gradient]
  }
}
