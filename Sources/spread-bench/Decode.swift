import ArgumentParser
import Benchmarking
import Experiments

struct Decode: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "JPEG files decoded and scaled, beside libturbojpeg alone.",
    discussion: """
      As an image folder is read for its cache: open, read, decode, scale the shorter side, keep the centre. Libturbojpeg alone \
      decodes the same bytes from memory, with the same reduction and threads, in the same run.

      EXAMPLES
        spread-bench decode
        spread-bench decode --width 1024 --height 768 --size 256 --json
      """)

  @Option(help: "Width of the pictures.") var width = 400
  @Option(help: "Height of the pictures.") var height = 300
  @Option(help: "Side of the stored images.") var size = 256
  @Option(help: "Different pictures.") var images = 200
  @OptionGroup var common: CommonOptions

  func validate() throws {
    guard (16...8192).contains(width), (16...8192).contains(height), (1...4096).contains(size) else {
      throw ValidationError("--width and --height must be in 16...8192, --size in 1...4096")
    }
    guard (1...100_000).contains(images) else { throw ValidationError("--images must be in 1...100000") }
  }

  func run() throws {
    common.apply()
    let machine = Machine.current
    try common.report(
      DecodeBenchmark.run(
        width: width, height: height, size: size, images: images, runs: common.runs, machine: machine),
      machine)
  }
}
