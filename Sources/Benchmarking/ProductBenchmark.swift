import CKernels
import Experiments
import Foundation
import Tensors

/// Matrix products on this machine, against its arithmetic peak.
package enum ProductBenchmark {
  /// `[m, k]` times `[k, n]`, or a batch of such products run one-threaded on each core.
  package struct Shape: Sendable, Equatable {
    /// What it stands for, such as "vit qkv": the head of its line in a report.
    package var name: String
    /// Rows of the left matrix and of the result.
    package var m: Int
    /// Columns of the right matrix and of the result.
    package var n: Int
    /// Columns of the left matrix, rows of the right one: the length of the sums.
    package var k: Int
    /// 1: one product, on all threads. More: so many products, each on one thread.
    package var batch: Int

    package init(name: String, m: Int, n: Int, k: Int, batch: Int = 1) {
      self.name = name
      self.m = m
      self.n = n
      self.k = k
      self.batch = batch
    }

    package var operations: Double { 2 * Double(m) * Double(n) * Double(k) * Double(batch) }
  }

  /// Squares, for the peak of the library.
  package static let squares = [512, 1024, 2048, 4096].map { Shape(name: "square", m: $0, n: $0, k: $0) }

  /// The products of the paper's vision transformer (256 images of 65 tokens, width 256) and of the losses.
  package static let ownShapes = [
    Shape(name: "vit qkv", m: 16_640, n: 768, k: 256), Shape(name: "vit fc1", m: 16_640, n: 512, k: 256),
    Shape(name: "vit fc2", m: 16_640, n: 256, k: 512),
    Shape(name: "vit fc1 weight", m: 512, n: 256, k: 16_640),
    Shape(name: "attention scores", m: 65, n: 65, k: 32, batch: 2048),
    Shape(name: "attention values", m: 65, n: 32, k: 65, batch: 2048),
    Shape(name: "similarities", m: 4096, n: 4096, k: 128),
    Shape(name: "similarity tile", m: 256, n: 256, k: 128, batch: 256),
  ]

  /// Operations a second of fused multiply-adds in registers on all threads: what no product can exceed.
  package static func peak(seconds: Double = 0.3) -> Double {
    let rounds: UInt64 = 2_000_000
    var best = 0.0
    let end = Date().addingTimeInterval(seconds)
    repeat {
      let threads = Parallel.threadCount
      let timing = Timing.measure(runs: 1, warmUp: 0) {
        Parallel.forEach(threads) { range in for _ in range { _ = ck_peak_operations(rounds, 0.5) } }
      }
      best = max(best, ck_peak_operations(1, 0.5) * Double(rounds) * Double(threads) / timing.minimum)
    } while Date() < end
    return best
  }

  /// Times one shape.
  package static func run(_ shape: Shape, runs: Int, peak: Double, machine: Machine) -> BenchmarkResult {
    var generator = RandomGenerator(seed: 1)
    let a = Tensor.uniform([min(shape.batch, 256), shape.m, shape.k], in: -1..<1, using: &generator)
    let b = Tensor.uniform([min(shape.batch, 256), shape.k, shape.n], in: -1..<1, using: &generator)
    let timing = Timing.measure(runs: runs, warmUp: 2) { multiply(shape, a, b) }
    return BenchmarkResult(
      shape.name, sizes: ["m": shape.m, "n": shape.n, "k": shape.k, "batch": shape.batch], timing: timing,
      operations: shape.operations, peak: peak, machine: machine)
  }

  private static func multiply(_ shape: Shape, _ a: Tensor, _ b: Tensor) {
    if shape.batch == 1 {
      _ = Tensor.matmul(a, b)
      return
    }
    // As attention and the losses do it: many small products, each core at its own, results that stay in
    // cache.
    let distinct = a.shape[0]
    Parallel.forEach(shape.batch) { range in
      withScratch(shape.m * shape.n) { result in
        for i in range {
          let source = i % distinct
          BLAS.gemm(
            m: shape.m, n: shape.n, k: shape.k, a: a.pointer + source * shape.m * shape.k, lda: shape.k,
            b: b.pointer + source * shape.k * shape.n, ldb: shape.n, c: result, ldc: shape.n)
        }
      }
    }
  }
}
