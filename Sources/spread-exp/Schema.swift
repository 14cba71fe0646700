import ArgumentParser
import Basics
import Experiments
import Foundation

struct Schema: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Prints the JSON schema of experiment files, for editors.")

  func run() throws { try StandardOutput.json(ExperimentFile.schema) }
}
