import Tensors

/// A network from images to embeddings.
public protocol Encoder: Layer {
  /// The length of an embedding. Images are `[batch, channels, height, width]`, embeddings `[batch,
  /// embeddingDimension]`.
  var embeddingDimension: Int { get }

  /// Multiplications with their additions in the products of a training step, forward and backward.
  ///
  /// Elementwise work is not counted. A network states what of its products it counts.
  /// - Parameter images: their shape, `[batch, channels, height, width]`; both views are among them.
  func multiplyAdds(images: [Int]) -> Double
}

/// The form of the square images that a network takes.
public struct ImageShape: Sendable, Equatable {
  /// The side, in pixels.
  public var size = 32
  /// 3 for colour, 1 for grey.
  public var channels = 3

  /// By default images like CIFAR's.
  public init(size: Int = 32, channels: Int = 3) { (self.size, self.channels) = (size, channels) }
}

/// The sizes and probabilities of an encoder, apart from the images that it is made for.
public protocol EncoderConfiguration: Sendable, Equatable {
  /// A new network.
  ///
  /// It stops the program where the configuration does not go with the images.
  /// - Parameter generator: draws the weights.
  func encoder(for images: ImageShape, using generator: inout RandomGenerator) -> any Encoder

  /// The length of an embedding.
  var embeddingDimension: Int { get }

  /// What the network's tensors take for a pass over so many images.
  func memory(images: Int, of shape: ImageShape) -> NetworkMemory
}
