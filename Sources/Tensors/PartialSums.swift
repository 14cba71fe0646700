import CKernels

/// Sums that several cores gather, such as gradients of weights: one for each while it works, added in order
/// at the end.
package struct PartialSums {
  private let storage: Tensor
  private let count: Int

  package init(parts: Int, count: Int) {
    storage = Tensor.zeros([parts, count])
    self.count = count
  }

  /// Where one core adds up; valid until `total()`. Whoever writes there must still hold the sums.
  package func part(_ part: Int) -> UnsafeMutablePointer<Float> { storage.pointer + part * count }

  /// The sum over the parts; uses them up.
  package func total() -> Tensor {
    let parts = storage.shape[0]
    for part in 1..<max(1, parts) {
      Parallel.forEach(count, grain: elementwiseGrain) { range in
        let start = range.lowerBound
        ck_add(range.count, self.part(0) + start, self.part(part) + start, self.part(0) + start)
      }
    }
    return storage.sliced(0..<1)
  }
}
