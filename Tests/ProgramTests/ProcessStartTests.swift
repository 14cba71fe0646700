import Foundation
import Testing

@testable import Programs

@Suite struct ProcessStartTests {
  @Test func sentencesAboutVariables() {
    #expect(ProcessStart.environmentProblem([:]) == nil)
    #expect(
      ProcessStart.environmentProblem([
        "SPREAD_VECTORS": "baseline", "SPREAD_CONVOLUTION": "direct", "OPENBLAS_NUM_THREADS": "4",
      ]) == nil)
    for (name, value) in [
      ("SPREAD_VECTORS", "sse9"), ("SPREAD_CONVOLUTION", "fft"), ("OPENBLAS_NUM_THREADS", "all"),
    ] {
      #expect(ProcessStart.environmentProblem([name: value])?.contains("\(name) is \"\(value)\"") == true)
    }
  }
}
