/// Mean and deviation of each channel, of values in [0, 1].
public struct PixelStatistics: Sendable, Equatable {
  /// One a channel.
  public var mean: [Float]
  /// One a channel; 1 for a channel whose values are all the same.
  public var deviation: [Float]

  /// As measured, or as published for a data set.
  public init(mean: [Float], deviation: [Float]) { (self.mean, self.deviation) = (mean, deviation) }
}

/// How images are handed to a network.
public struct ImageForm: Sendable, Equatable {
  /// By which the values are normalised: their mean is taken away, the rest divided by the deviation.
  public var statistics: PixelStatistics
  /// The side of the square images; nil: the height and width that the store's images have.
  public var size: Int?

  /// Normalised, and of this size.
  public init(_ statistics: PixelStatistics, size: Int? = nil) {
    (self.statistics, self.size) = (statistics, size)
  }
}
