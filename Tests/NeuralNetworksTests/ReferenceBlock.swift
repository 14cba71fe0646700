import Tensors

@testable import NeuralNetworks

// The halves of a transformer block composed of plain operations, to compare the fused ones with. Masks are
// drawn in the order in which the fused nodes draw theirs, so that training passes can be compared too.

/// A mask of 0 and `1 / (1 - p)`; nil when nothing is dropped.
private func mask(_ shape: [Int], _ probability: Float, _ pass: inout Pass) -> Tensor? {
  pass.isTraining && probability > 0 ? Tensor.ones(shape).dropout(probability, using: &pass.generator) : nil
}

private func multiplied(_ x: Tensor, _ factor: Tensor?) -> Tensor { factor.map { x * $0 } ?? x }

/// Attention over `[batch, positions, 3 width]`.
func referenceAttention(
  _ qkv: Tensor, heads: Int, dropout: Float, headDropout: Float, _ pass: inout Pass
) -> Tensor {
  let (batch, positions, width) = (qkv.shape[0], qkv.shape[1], qkv.shape[2] / 3)
  let weightMask = mask([batch, heads, positions, positions], dropout, &pass)
  let queryScales = mask([batch, positions], headDropout, &pass)?.reshaped([batch, 1, positions, 1])
  return attention(qkv, heads, width, weightMask, queryScales)
}

private func attention(
  _ qkv: Tensor, _ heads: Int, _ width: Int, _ weightMask: Tensor?, _ queryScales: Tensor?
) -> Tensor {
  let (batch, positions) = (qkv.shape[0], qkv.shape[1])
  let parts = qkv.reshaped([batch, positions, 3, heads, width / heads]).transposed([2, 0, 3, 1, 4])
  let (query, key, value) = (part(parts, 0), part(parts, 1), part(parts, 2))
  let scores = Tensor.matmul(query, key, transposeB: true) * (1 / Float(width / heads).squareRoot())
  let weights = multiplied(multiplied(scores, queryScales).softmax(), weightMask)
  return Tensor.matmul(weights, value).transposed([0, 2, 1, 3]).reshaped([batch, positions, width])
}

private func part(_ parts: Tensor, _ i: Int) -> Tensor {
  parts.sliced(i..<(i + 1)).reshaped(Array(parts.shape.dropFirst()))
}

func referenceAttentionBranch(
  _ x: Tensor, norm: LayerNorm, attention layer: MultiHeadSelfAttention, dropout: Float, path: DropPath,
  _ pass: inout Pass
) -> Tensor {
  let normal = Tensor.layerNorm(x, scale: norm.weight, shift: norm.bias)
  let mixed = referenceAttention(
    Tensor.linear(normal, weight: layer.qkv.weight), heads: layer.heads, dropout: layer.dropout,
    headDropout: layer.headDropout, &pass)
  let dropped = multiplied(mixed, mask(x.shape, dropout, &pass))
  return x + path(dropped, &pass)
}

func referenceFeedForwardBranch(
  _ x: Tensor, norm: LayerNorm, fc1: Linear, fc2: Linear, dropout: Float, path: DropPath, _ pass: inout Pass
) -> Tensor {
  let hiddenMask = mask([x.shape[0], x.shape[1], fc1.weight.shape[0]], dropout, &pass)
  let normal = Tensor.layerNorm(x, scale: norm.weight, shift: norm.bias)
  let hidden = Tensor.linear(normal, weight: fc1.weight, bias: fc1.bias).gelu()
  let branch = Tensor.linear(multiplied(hidden, hiddenMask), weight: fc2.weight, bias: fc2.bias)
  let dropped = multiplied(branch, mask(x.shape, dropout, &pass))
  return x + path(dropped, &pass)
}
