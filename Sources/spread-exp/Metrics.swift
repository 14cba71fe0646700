import ArgumentParser
import Basics
import Experiments
import Foundation

struct Metrics: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measures how far embeddings from any framework have collapsed within their classes.",
    discussion: """
      Embeddings are an .npy array of N x d numbers (float32 or float64), labels N integers; strata, N integers that \
      divide the classes further. Rows are scaled to unit length. Prints a JSON object.

      EXAMPLES
        spread-exp metrics --embeddings z.npy --labels y.npy --strata s.npy
      """)

  @Option(help: ArgumentHelp("N x d numbers.", valueName: "file.npy"))
  var embeddings: UserPath

  @Option(help: ArgumentHelp("The class of each row.", valueName: "file.npy"))
  var labels: UserPath

  @Option(help: ArgumentHelp("The stratum of each row.", valueName: "file.npy"))
  var strata: UserPath?

  func run() throws {
    let report = try CollapseReport(
      embeddings: embeddings.path, labels: labels.path, strata: strata?.path, note: StandardError.line)
    try StandardOutput.json(report.json)
  }
}
