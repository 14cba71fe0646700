import Tensors
import TestSupport

/// A leaf of normal values.
func leaf(_ shape: [Int], mean: Float = 0, deviation: Float = 1, seed: UInt64) -> Tensor {
  var generator = RandomGenerator(seed: seed)
  let tensor = Tensor.normal(shape, mean: mean, deviation: deviation, using: &generator)
  tensor.requiresGradient = true
  return tensor
}

/// Overwrites parameters with normal values, so that none is at its (often special) initial value.
func randomise(_ parameters: [(name: String, tensor: Tensor)], deviation: Float = 0.4, seed: UInt64) {
  var generator = RandomGenerator(seed: seed)
  for (_, tensor) in parameters {
    tensor.withUnsafeMutableData { data in
      for i in data.indices { data[i] = deviation * generator.normal() }
    }
  }
}

/// Tensors that `Tests/Fixtures/make_network_fixtures.py` wrote.
func networkFixture(_ name: String) throws -> SafeTensors {
  try SafeTensors(path: fixture("networks/\(name).safetensors"))
}

extension SafeTensors {
  /// The tensors whose names start with `prefix`, without it.
  func under(_ prefix: String) -> [String: Tensor] {
    Dictionary(
      uniqueKeysWithValues: tensors.compactMap { name, tensor in
        name.hasPrefix(prefix) ? (String(name.dropFirst(prefix.count)), tensor) : nil
      })
  }
}
