import ArgumentParser
import Basics
import Experiments
import Foundation

struct Embed: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Writes the embeddings of a data set by a trained encoder.",
    discussion: """
      The checkpoint is a run folder's best.safetensors or checkpoint.safetensors; it knows its encoder. The output is an \
      .npy array of N x d float32, not scaled to unit length. --labels and --strata write the classes and the fine labels \
      in the same order, as `metrics` takes them.

      EXAMPLES
        spread-exp embed --checkpoint runs/.../seed-0/best.safetensors --data mnist --output z.npy --strata s.npy
      """)

  @Option(help: ArgumentHelp("A checkpoint of this program.", valueName: "file.safetensors"))
  var checkpoint: UserPath

  @Option(
    help: ArgumentHelp(
      "The data set: \(DataSettings.Name.allCases.map(\.rawValue).joined(separator: ", ")); --folder is where its files are.",
      valueName: "name"),
    transform: DataSettings.Name.init(argumentOfData:))
  var data: DataSettings.Name

  @Option(help: "train or test.")
  var split = DataSplit.test

  @Option(
    help: ArgumentHelp(
      "Where data sets are (default: the environment variable SPREAD_DATA).", valueName: "folder"))
  var folder: UserPath?

  @Option(help: ArgumentHelp("Where the embeddings go.", valueName: "file.npy"))
  var output: UserPath

  @Option(help: ArgumentHelp("Where the classes go.", valueName: "file.npy"))
  var labels: UserPath?

  @Option(help: ArgumentHelp("Where the fine labels go.", valueName: "file.npy"))
  var strata: UserPath?

  func run() throws {
    let files = [("--output", output), ("--labels", labels), ("--strata", strata)]
      .compactMap { option, file in file.map { (option: option, path: $0.path) } }
    if let clash = WholeFile.clash(outputs: files, inputs: [("--checkpoint", checkpoint.path)]) {
      throw ValidationError(clash)
    }
    for file in files { try WholeFile.check(file.path) }
    let embedder = try Embedder(
      checkpoint: checkpoint.file, data: data, split: split, folder: folder?.folder)
    try embedder.write(embeddings: output.path, coarseLabels: labels?.path, fineLabels: strata?.path)
  }
}

extension DataSettings.Name {
  /// The name after `embed --data`, which in other commands is a folder.
  fileprivate init(argumentOfData text: String) throws {
    if let name = DataSettings.Name(rawValue: text) {
      self = name
      return
    }
    let names = DataSettings.Name.allCases.map(\.rawValue)
    if text.contains("/") || ["~", ".", ".."].contains(text)
      || FileManager.default.fileExists(atPath: UserPath(text).path)
    {
      throw ValidationError(
        "--data names the data set here (\(names.joined(separator: ", "))); the folder goes to --folder")
    }
    let best = nearest(to: text, among: names).map { "; nearest: \($0)" } ?? ""
    throw ValidationError(
      "there is no data set of this name\(best) (there are \(names.joined(separator: ", ")))")
  }
}
extension DataSplit: ExpressibleByArgument {}
