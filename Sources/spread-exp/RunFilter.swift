import ArgumentParser
import Basics
import ContrastiveLosses
import Experiments
import Foundation
import Scheduling

/// Which runs are meant.
struct RunFilter: ParsableArguments {
  @Option(help: ArgumentHelp("Where run folders are.", valueName: "folder"))
  var runs = UserPath("runs")

  @Option(help: "Only runs of this experiment.")
  var experiment: String?

  @Option(help: "Only runs of this profile.")
  var profile: String?

  @Option(help: "Only runs with this loss.")
  var loss: ContrastiveLoss?

  @Option(help: "Only runs with this seed.")
  var seed: Int?

  var inventory: RunInventory { RunInventory(runs.folder) }

  func matches(_ entry: RunEntry) -> Bool {
    func agrees<T: Equatable>(_ wanted: T?, _ value: T) -> Bool { wanted == nil || wanted == value }
    return agrees(experiment, entry.configuration.experiment) && agrees(profile, entry.configuration.profile)
      && agrees(loss, entry.configuration.objective.loss) && agrees(seed, entry.seed)
  }
}
