import Tensors
import Testing

@testable import NeuralNetworks

@Suite("Multiply-adds of a training step")
struct OperationCountTests {
  /// Counted over PyTorch's modules, an image of 32 x 32 takes 555,417,600 multiplications in ResNet18.
  @Test func residualNetwork() {
    var generator = RandomGenerator(seed: 1)
    let network = ResNet(using: &generator)
    let stem = 64.0 * 1024 * 27 * 64
    #expect(network.multiplyAdds(images: [64, 3, 32, 32]) == 3 * 64 * 555_417_600.0 - stem)
  }

  /// By hand: two patches and the class token, width 4, two blocks, whose last feeds one token forward.
  @Test func visionTransformer() {
    var configuration = VisionTransformer.Configuration()
    configuration.patchSize = 2
    (configuration.width, configuration.depth, configuration.heads, configuration.mlpWidth) = (4, 2, 2, 8)
    var generator = RandomGenerator(seed: 1)
    let network = VisionTransformer(
      configuration, images: ImageShape(size: 4, channels: 1), using: &generator)
    let (tokens, patches) = (5, 4)
    let embedding = patches * 4 * 4
    let (qkv, scores, values) = (tokens * 4 * 12, tokens * tokens * 4, tokens * tokens * 4)
    let forward = 2 * (qkv + scores + values) + (tokens + 1) * 2 * 4 * 8
    #expect(
      network.multiplyAdds(images: [3, 1, 4, 4]) == Double(3 * (2 * embedding + 3 * forward + 2 * scores)))
  }
}
