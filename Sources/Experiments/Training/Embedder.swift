import Datasets
import Foundation
import NeuralNetworks
import Tensors

/// A part of a data set.
package enum DataSplit: String, CaseIterable, Sendable { case train, test }

/// A trained encoder applied to a data set: what `spread-exp embed` does.
package struct Embedder {
  private let encoder: any Encoder
  private let data: ExperimentData
  private let part: ImageDataset

  /// Reads the checkpoint and the data.
  ///
  /// A data set that the encoder was trained on is used as it was there (the same images, normalised alike);
  /// another is used whole.
  /// - Parameters:
  ///   - checkpoint: a run folder's `best.safetensors` or `checkpoint.safetensors`.
  ///   - folder: where data sets are; nil: the environment variable `SPREAD_DATA`.
  /// - Throws: `FileFormatError`, `RunError`, `MissingDataError`, or `StateError` when the images do not fit
  ///   the encoder.
  package init(checkpoint: URL, data name: DataSettings.Name, split: DataSplit, folder: URL?) throws {
    let checkpoint = try Checkpoint(checkpoint)
    var configuration = checkpoint.configuration
    if configuration.data.name != name {
      configuration.data = DataSettings()
      configuration.data.name = name
    }
    data = try ExperimentData(ExperimentData.Key(configuration), folder: folder)
    encoder = try checkpoint.encoder(for: data)
    part = split == .test ? data.test : data.whole
  }

  /// Writes `[count, embeddingDimension]` float32 embeddings, not scaled to unit length, and the labels in
  /// the same order.
  package func write(embeddings: String, coarseLabels: String?, fineLabels: String?) throws {
    try Npy.write(try data.embeddings(of: part, by: encoder), to: embeddings)
    if let coarseLabels { try Npy.write(part.labels, to: coarseLabels) }
    if let fineLabels { try Npy.write(part.strata, to: fineLabels) }
  }
}
