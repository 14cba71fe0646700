import Testing

@testable import Experiments

@Suite struct PaceTests {
  /// Another program halves the speed for a long time, and goes.
  @Test func theTimeLeftFollowsThePace() {
    var pace = Pace()
    #expect(pace.seconds(for: 10) == .infinity)
    pace.advance(after: 2)
    #expect(abs(pace.seconds(for: 10) - 20) < 1e-9)
    for _ in 0..<2000 { pace.advance(after: 2) }
    #expect(abs(pace.seconds(for: 10) - 20) < 1e-6)
    for _ in 0..<600 { pace.advance(after: 1) }
    // After ten minutes the old pace counts for e^-2.
    #expect((10...11.6).contains(pace.seconds(for: 10)))
    for _ in 0..<3000 { pace.advance(after: 1) }
    #expect(abs(pace.seconds(for: 10) - 10) < 0.01)
  }
}
