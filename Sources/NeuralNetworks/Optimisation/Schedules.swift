import Foundation

/// The learning rate over a run, as a factor of the base rate: a pure function of the progress.
public enum Schedule: Sendable, Equatable {
  /// The base rate throughout.
  case constant(Constant)
  /// Half a cosine down, stepped by whole epochs.
  case cosine(Cosine)
  /// A cosine from 1 down to 0 over the whole run, stepped by batches.
  case cosineToZero(CosineToZero)
  /// Multiplied by a factor at some epochs.
  case multiStep(MultiStep)
  /// Up and down again, stepped by batches.
  case oneCycle(OneCycle)

  /// The base rate throughout.
  public struct Constant: Sendable, Equatable {
    /// Epochs over which the factor grows linearly from 0 (exclusive) before the schedule takes over.
    public var warmUpEpochs = 0.0
    /// Without a warm-up.
    public init() {}
  }

  /// Half a cosine from 1 down to `minimum` over `period` epochs; after `period` it climbs again, as PyTorch's
  /// `CosineAnnealingLR` does.
  public struct Cosine: Sendable, Equatable {
    /// As of `Constant`.
    public var warmUpEpochs = 0.0
    /// Epochs from the full rate to the lowest; nil: all of the run's.
    public var period: Int?
    /// The lowest rate, as a share of the full one.
    public var minimum = 0.0
    /// Down to 0 at the end of the run.
    public init(period: Int? = nil, minimum: Double = 0) { (self.period, self.minimum) = (period, minimum) }
  }

  /// A cosine from 1 down to 0 over the whole run.
  public struct CosineToZero: Sendable, Equatable {
    /// As of `Constant`.
    public var warmUpEpochs = 0.0
    /// Without a warm-up.
    public init() {}
  }

  /// Multiplied by `factor` at each of `milestones`.
  public struct MultiStep: Sendable, Equatable {
    /// As of `Constant`.
    public var warmUpEpochs = 0.0
    /// In epochs.
    public var milestones: [Int] = []
    /// 0.1 leaves a tenth of the rate after each.
    public var factor = 0.1
    /// A tenth at each of these epochs, where nothing else is said.
    public init(milestones: [Int] = [], factor: Double = 0.1) {
      (self.milestones, self.factor) = (milestones, factor)
    }
  }

  /// Up from `1 / startDivisor` to 1 over the share `rise` of the run, down to `1 / (startDivisor * endDivisor)` over the
  /// rest, both by half cosines, as PyTorch's `OneCycleLR`.
  public struct OneCycle: Sendable, Equatable {
    /// Share of the run in which the rate rises.
    public var rise = 0.3
    /// The full rate over the first.
    public var startDivisor = 25.0
    /// The first rate over the last.
    public var endDivisor = 1e4
    /// PyTorch's figures where not given.
    public init(rise: Double = 0.3, startDivisor: Double = 25, endDivisor: Double = 1e4) {
      (self.rise, self.startDivisor, self.endDivisor) = (rise, startDivisor, endDivisor)
    }
  }

  /// Epochs of a linear rise at the beginning; 0 for one cycle, which has its own.
  public var warmUpEpochs: Double {
    switch self {
    case .constant(let curve): curve.warmUpEpochs
    case .cosine(let curve): curve.warmUpEpochs
    case .cosineToZero(let curve): curve.warmUpEpochs
    case .multiStep(let curve): curve.warmUpEpochs
    case .oneCycle: 0
    }
  }

  /// The factor for a batch.
  ///
  /// - Parameters:
  ///   - step: batches done, from 0
  ///   - stepsPerEpoch: batches an epoch
  ///   - epochs: epochs of the run
  public func factor(step: Int, stepsPerEpoch: Int, epochs: Int) -> Double {
    let progress = Double(step) / Double(max(1, stepsPerEpoch))
    if warmUpEpochs > 0 && progress < warmUpEpochs {
      return Double(step + 1) / (warmUpEpochs * Double(stepsPerEpoch)).rounded(.up)
    }
    let epoch = (step / max(1, stepsPerEpoch))
    let share = Double(step) / Double(max(1, epochs * stepsPerEpoch - 1))
    switch self {
    case .constant: return 1
    case .cosine(let curve):
      let turn = cos(.pi * Double(epoch) / Double(curve.period ?? epochs))
      return curve.minimum + (1 - curve.minimum) * (1 + turn) / 2
    case .multiStep(let curve):
      return pow(curve.factor, Double(curve.milestones.filter { $0 <= epoch }.count))
    case .cosineToZero: return (1 + cos(.pi * share)) / 2
    case .oneCycle(let curve): return curve.factor(step: step, steps: epochs * stepsPerEpoch)
    }
  }
}

extension Schedule.OneCycle {
  fileprivate func factor(step: Int, steps: Int) -> Double {
    let last = Double(max(1, steps)) - 1
    let peak = rise * (last + 1) - 1
    func between(_ from: Double, _ to: Double, _ share: Double) -> Double {
      to + (from - to) * (1 + cos(.pi * share)) / 2
    }
    if Double(step) <= peak { return between(1 / startDivisor, 1, peak > 0 ? Double(step) / peak : 1) }
    return between(
      1, 1 / (startDivisor * endDivisor), min(1, (Double(step) - peak) / max(1e-9, last - peak)))
  }
}
