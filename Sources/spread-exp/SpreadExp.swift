import ArgumentParser
import Foundation
import Programs

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

      PATHS
        ~ and ~/... mean $HOME, in arguments, SPREAD_DATA, SPREAD_CACHE and data.folder; ~name is a file of that name. Files \
        that options such as --output name are replaced as a whole, through links; devices, FIFOs and /dev/stdout are \
        written into. Caches go to SPREAD_CACHE, else $XDG_CACHE_HOME/spread, else ~/.cache/spread.

      EXIT CODES
        0 done; 1 a run failed, or standard output could not be written; 64 wrong arguments or configuration; 130 stopped \
        by Ctrl-C with everything saved (143 by SIGTERM, 129 by SIGHUP); 141 the reader of standard output is gone. A second \
        Ctrl-C ends at once; what was saved before stays.
      """,
    version: CommandLineProgram.version(of: "spread-exp"),
    subcommands: [
      Train.self, Reproduce.self, TableCommand.self, Status.self, Runs.self, Clean.self, DataCommand.self,
      Fetch.self, Loss.self, Metrics.self,
      Embed.self,
      Schema.self,
    ],
    defaultSubcommand: Train.self)

  static func main() {
    let commands = configuration.subcommands.map { $0._commandName } + ["help"]
    CommandLineProgram("spread-exp", commands: commands) {
      (fullMessage(for: $0), exitCode(for: $0).rawValue)
    }
    .run {
      var command = try parseAsRoot(CommandLineProgram.arguments)
      try command.run()
    }
  }
}
