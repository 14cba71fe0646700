import Tensors

/// Independent normal values.
func normals(_ count: Int, _ deviation: Float = 1, seed: UInt64) -> [Float] {
  var generator = RandomGenerator(seed: seed)
  return (0..<count).map { _ in deviation * generator.normal() }
}
