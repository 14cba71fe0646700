import ArgumentParser
import Foundation
import Reproduction

@main
struct SpreadExp: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "spread-exp",
    abstract:
      "Trains with contrastive losses on coarse labels, and shows what of the fine ones the embeddings keep.",
    discussion: """
      Without a command, `train` is meant: `spread-exp --config glyphs-coarse.json` trains the losses of an \
      experiment and ends in a row of the paper's table 2. It needs no download; real data are found with --data or \
      SPREAD_DATA.

      Everything that a run makes stands in its folder, RUNS/EXPERIMENT/PROFILE/LOSS-SETTINGS/seed-N. A run that was \
      stopped, by Ctrl-C or by a crash, goes on when the same command is given again; one that is complete is not run \
      again.

      EXAMPLES
        spread-exp --config glyphs-coarse.json --profile smoke
        spread-exp --config mnist-coarse.json --data ~/data --loss spread --seed 7
        spread-exp --config mnist-coarse --set loss.temperature=0.2 --set optimiser.rate=1e-3
        spread-exp --config glyphs-coarse --loss spread --grid loss.alpha=0,0.5,1
        spread-exp reproduce 2
        spread-exp status
        spread-exp fetch mnist --data ~/data
        spread-exp data --data ~/data
        spread-exp loss --loss spread --view1 z1.npy --view2 z2.npy --labels y.npy --normalise

      EXIT CODES
        0 done; 1 a run failed; 64 wrong arguments or configuration; 130 stopped by Ctrl-C with everything saved (143 by
        SIGTERM). A second Ctrl-C ends at once; what was saved before stays.
      """,
    subcommands: [
      Train.self, Reproduce.self, TableCommand.self, Status.self, Runs.self, Clean.self, DataCommand.self,
      Fetch.self, Loss.self, Metrics.self,
      Embed.self,
      Schema.self,
    ],
    defaultSubcommand: Train.self)

  /// A mistake in a configuration is a mistake of usage; being stopped has the code that shells expect.
  static func main() {
    do {
      try ProcessStart.prepare()
      var command = try parseAsRoot()
      try command.run()
    } catch let error as ConfigurationError {
      fail("\(error)", code: ExitCode.validationFailure.rawValue)
    } catch let error as InterruptedError {
      fail("\(error)", code: error.exitCode)
    } catch {
      if let advice = ProcessStart.advice(for: error) {
        fail("\(error); \(advice)", code: ExitCode.failure.rawValue)
      }
      exit(withError: error)
    }
  }

  private static func fail(_ message: String, code: Int32) -> Never {
    FileHandle.standardError.write(Data("Error: \(message)\n".utf8))
    Foundation.exit(code)
  }
}
