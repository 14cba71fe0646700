import ArgumentParser
import Benchmarking
import ContrastiveLosses
import Experiments

struct Loss: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "A contrastive loss with its gradients.",
    discussion: """
      EXAMPLES
        spread-bench loss --batch 4096 --dimension 128 --loss spread
        spread-bench loss --batch 65536 --runs 1
      """)

  @Option(help: "\(ContrastiveLoss.names).") var loss = ContrastiveLoss.spread
  @Option(help: "Points a batch.") var batch = 4096
  @Option(help: "Length of an embedding.") var dimension = 128
  @Option(help: "crossView or pooled.") var layout = ContrastiveLayout.crossView
  @Option(help: "Rows of similarities worked on at a time (default: by size).") var tile: Int?
  @OptionGroup var common: CommonOptions

  func validate() throws {
    guard (2...1_000_000).contains(batch), (1...65_536).contains(dimension) else {
      throw ValidationError("--batch must be in 2...1000000 and --dimension in 1...65536")
    }
    if let tile, tile < 1 { throw ValidationError("--tile must be at least 1") }
  }

  func run() throws {
    common.apply()
    let machine = Machine.current
    let objective = ContrastiveObjective(loss, layout: layout, tileRows: tile)
    let result = try LossBenchmark.run(
      objective, batch: batch, dimension: dimension, runs: common.runs, peak: ProductBenchmark.peak(),
      machine: machine)
    try common.report([result], machine)
  }
}
