import Datasets
import NeuralNetworks
import Tensors

/// The embeddings of all points of a data set as they are, without augmentation: `[N, d]`, in evaluation
/// mode, batch by batch.
///
/// - Parameter form: of the images that the encoder sees.
public func embed(
  _ dataset: ImageDataset, with encoder: any Encoder, form: ImageForm, batchSize: Int = 512
) -> Tensor {
  let result = Tensor.uninitialised([dataset.count, encoder.embeddingDimension])
  withoutGradient {
    for start in stride(from: 0, to: dataset.count, by: batchSize) {
      let places = start..<min(start + batchSize, dataset.count)
      var pass = Pass.evaluation
      let rows = encoder(dataset.images(places, form: form), &pass)
      let target = result.pointer + start * encoder.embeddingDimension
      rows.withUnsafeData { target.update(from: $0.baseAddress!, count: $0.count) }
    }
  }
  return result
}
