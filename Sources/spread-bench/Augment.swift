import ArgumentParser
import Benchmarking
import Experiments

struct Augment: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Two augmented views of images, as training makes them.",
    discussion: """
      Flip, random crop, colour jitter, grey with the paper's settings (one channel: without grey), normalised, from random \
      pixels. Training makes them on a thread of its own while the last step runs.

      EXAMPLES
        spread-bench augment
        spread-bench augment --size 256 --view 224 --images 16
        spread-bench augment --size 28 --channels 1 --makers 2
      """)

  @Option(help: "Side of an image as it is stored.") var size = 32
  @Option(help: "Side of a view (default: that of the image).") var view: Int?
  @Option(help: "Channels of an image: 1 or 3.") var channels = 3
  @Option(help: "Points a batch; each has two views.") var images = 128
  @Option(help: "Threads that make views.") var makers = 1
  @OptionGroup var common: CommonOptions

  func validate() throws {
    guard (1...1024).contains(size), channels == 1 || channels == 3 else {
      throw ValidationError("--size must be in 1...1024, --channels 1 or 3")
    }
    if let view, !(1...1024).contains(view) { throw ValidationError("--view must be in 1...1024") }
    guard (2...65_536).contains(images), (1...1024).contains(makers) else {
      throw ValidationError("--images must be in 2...65536, --makers in 1...1024")
    }
  }

  func run() throws {
    common.apply()
    let machine = Machine.current
    let result = AugmentBenchmark.run(
      size: size, view: view, channels: channels, images: images, threads: makers, runs: common.runs,
      machine: machine)
    try common.report([result], machine)
  }
}
