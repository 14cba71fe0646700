import Basics

/// How far a transfer is.
public struct TransferProgress: Sendable, Equatable, CustomStringConvertible {
  /// Bytes that are there, those of earlier attempts included.
  public let bytes: Int
  /// Nil when nobody said.
  public let total: Int?
  /// Bytes a second of late; nil before there is anything to measure.
  public let rate: Double?

  /// Seconds; nil when there is no telling.
  public var timeLeft: Double? {
    guard let total, let rate, rate >= 1, total >= bytes else { return nil }
    return Double(total - bytes) / rate
  }

  /// For example "3.2 of 9.9 MB, 1.1 MB/s".
  public var description: String {
    let amount =
      total.map {
        "\(byteCountText(bytes)) of \(byteCountText($0)) (\($0 > 0 ? min(100, 100 * bytes / $0) : 100)%)"
      }
      ?? byteCountText(bytes)
    return amount + (rate.map { ", \(byteCountText(Int($0)))/s" } ?? "")
  }
}

/// Measures the rate over the last seconds: the mean since the start would hide that a server has become slow.
struct ProgressMeter {
  /// Seconds that the rate is taken over.
  static let window = 5.0
  private var samples: [(time: Double, bytes: Int)] = []
  private let now: () -> Double

  init(now: @escaping () -> Double = ProgressMeter.seconds) { self.now = now }

  private static let start = ContinuousClock.now
  static func seconds() -> Double { (ContinuousClock.now - start) / .seconds(1) }

  mutating func update(bytes: Int, total: Int?) -> TransferProgress {
    let time = now()
    // A file that began anew.
    if let last = samples.last, bytes < last.bytes { samples = [] }
    // Four samples a second are enough, however often it is asked.
    if samples.last.map({ time - $0.time >= 0.25 }) ?? true { samples.append((time, bytes)) }
    while samples.count > 2, samples[1].time <= time - Self.window { samples.removeFirst() }
    let passed = time - samples[0].time
    let rate = passed >= 0.25 ? Double(bytes - samples[0].bytes) / passed : nil
    return TransferProgress(bytes: bytes, total: total, rate: rate)
  }
}
