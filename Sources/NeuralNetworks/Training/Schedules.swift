import Foundation

/// The learning rate over a run, as a factor of the base rate: a pure function of the progress.
public enum Schedule: Codable, Sendable, Equatable {
  /// The base rate throughout.
  case constant
  /// Half a cosine from 1 down to `minimum` over `period` epochs, stepped by whole epochs; after `period` it
  /// climbs again, as PyTorch's `CosineAnnealingLR` does.
  case cosine(period: Double, minimum: Double = 0)
  /// Multiplied by `factor` at each of `milestones`, in epochs.
  case multiStep(milestones: [Int], factor: Double = 0.1)
  /// A cosine from 1 down to 0 over the whole run, stepped by batches.
  case cosineToZero
  /// Up from `1 / startDivisor` to 1 over the share `warmUp` of the run, down to `1 / (startDivisor *
  /// endDivisor)` over the rest, both by half cosines, stepped by batches, as PyTorch's `OneCycleLR`.
  case oneCycle(warmUp: Double = 0.3, startDivisor: Double = 25, endDivisor: Double = 1e4)

  /// The factor for a batch.
  ///
  /// - Parameters:
  ///   - step: batches done, from 0
  ///   - stepsPerEpoch: batches an epoch
  ///   - epochs: epochs of the run
  ///   - warmUpEpochs: epochs over which the factor grows linearly from 0 (exclusive) before the schedule
  ///     takes over
  public func factor(step: Int, stepsPerEpoch: Int, epochs: Int, warmUpEpochs: Double = 0) -> Double {
    let progress = Double(step) / Double(max(1, stepsPerEpoch))
    if warmUpEpochs > 0 && progress < warmUpEpochs {
      return Double(step + 1) / (warmUpEpochs * Double(stepsPerEpoch)).rounded(.up)
    }
    let epoch = (step / max(1, stepsPerEpoch))
    let share = Double(step) / Double(max(1, epochs * stepsPerEpoch - 1))
    switch self {
    case .constant: return 1
    case .cosine(let period, let minimum):
      return minimum + (1 - minimum) * (1 + cos(.pi * Double(epoch) / period)) / 2
    case .multiStep(let milestones, let factor):
      return pow(factor, Double(milestones.filter { $0 <= epoch }.count))
    case .cosineToZero: return (1 + cos(.pi * share)) / 2
    case .oneCycle(let warmUp, let startDivisor, let endDivisor):
      let last = Double(max(1, epochs * stepsPerEpoch)) - 1
      let peak = warmUp * (last + 1) - 1
      func between(_ from: Double, _ to: Double, _ share: Double) -> Double {
        to + (from - to) * (1 + cos(.pi * share)) / 2
      }
      if Double(step) <= peak { return between(1 / startDivisor, 1, peak > 0 ? Double(step) / peak : 1) }
      return between(
        1, 1 / (startDivisor * endDivisor), min(1, (Double(step) - peak) / max(1e-9, last - peak)))
    }
  }
}
