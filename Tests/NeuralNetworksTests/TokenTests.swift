import Tensors
import TestSupport
import Testing

@testable import NeuralNetworks

@Suite struct TokenTests {
  /// Patches by row then column; within one, by row, column, channel.
  @Test func patchesAreInOrder() {
    let (channels, height, width) = (3, 4, 6)
    let count = 2 * channels * height * width
    let images = Tensor((0..<count).map(Float.init), shape: [2, channels, height, width])
    let result = patches(images, side: 2)
    #expect(result.shape == [2, 6, 12])
    for image in 0..<2 {
      for patch in 0..<6 {
        for value in 0..<12 {
          let (row, column, channel) = (value / 6, value / 3 % 2, value % 3)
          let expected = images[image, channel, patch / 3 * 2 + row, patch % 3 * 2 + column]
          #expect(result[image, patch, value] == expected)
        }
      }
    }
  }

  @Test func patchGradients() {
    let images = leaf([2, 2, 4, 6], seed: 51)
    expectGradients(of: [("images", images)]) { patches(images, side: 2).tanh() }
  }

  @Test func theClassTokenComesFirstAndPositionsAreAdded() {
    let tokens = Tensor([1, 2, 3, 4, 5, 6, 7, 8], shape: [2, 2, 2])
    let result = withClassToken(
      tokens, Tensor([10, 20]), Tensor([0.5, 0.25, 100, 200, 300, 400], shape: [3, 2]))
    #expect(result.shape == [2, 3, 2])
    #expect(result.scalars() == [10.5, 20.25, 101, 202, 303, 404, 10.5, 20.25, 105, 206, 307, 408])
  }

  @Test func classTokenGradients() {
    let (tokens, token, positions) = (
      leaf([3, 2, 5], seed: 52), leaf([5], seed: 53), leaf([3, 5], seed: 54)
    )
    expectGradients(of: [("tokens", tokens), ("class token", token), ("positions", positions)]) {
      withClassToken(tokens, token, positions).tanh()
    }
  }

  @Test func firstPositionGradients() {
    let tokens = leaf([3, 4, 5], seed: 55)
    #expect(firstPosition(tokens).shape == [3, 1, 5])
    #expect(firstPosition(tokens)[2, 0, 4] == tokens[2, 0, 4])
    expectGradients(of: [("tokens", tokens)]) { firstPosition(tokens).tanh() }
  }
}
