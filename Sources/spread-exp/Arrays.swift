import ArgumentParser
import Basics
import ContrastiveLosses
import Experiments
import Foundation

struct Loss: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Computes a contrastive loss and its gradients for embeddings from any framework.",
    discussion: """
      The views are .npy arrays of B x d numbers (float32 or float64), row i of both the same point; labels are B \
      integers. Computation is in float32. Prints a JSON object: the value, and the Euclidean norms of the gradients \
      with respect to the views as given. Rows are taken as they are; --normalise scales them to unit length first, and \
      the gradients go through that.

      EXAMPLES
        spread-exp loss --loss spread --view1 z1.npy --view2 z2.npy --labels y.npy --normalise
        spread-exp loss --loss supcon --view1 z1.npy --view2 z2.npy --labels y.npy --layout pooled --gradients out
      """)

  @Option(help: "\(ContrastiveLoss.names).")
  var loss: ContrastiveLoss

  @Option(help: ArgumentHelp("Embeddings of the first view.", valueName: "file.npy"))
  var view1: UserPath

  @Option(help: ArgumentHelp("Embeddings of the second view.", valueName: "file.npy"))
  var view2: UserPath

  @Option(help: ArgumentHelp("One integer a row; selfSupervised needs none.", valueName: "file.npy"))
  var labels: UserPath?

  @Option(help: "Divides the similarities.")
  var temperature = 0.5

  @Option(help: "Weight of L_attract in L_spread.")
  var alpha = 0.5

  @Option(help: "crossView (view 1 against view 2) or pooled (all rows of both views).")
  var layout = ContrastiveLayout.crossView

  @Flag(help: "crossView: the average with the views exchanged.")
  var symmetric = false

  @Flag(help: "Scale rows to unit length first.")
  var normalise = false

  @Option(help: "Bound on a positive's similarity in a numerator; the authors' public code has 1.")
  var positiveClamp: Double?

  @Option(help: ArgumentHelp("Write grad1.npy and grad2.npy to this folder.", valueName: "folder"))
  var gradients: UserPath?

  func validate() throws {
    guard temperature > 0, temperature.isFinite else {
      throw ValidationError("--temperature must be above 0, and is \(temperature)")
    }
    guard (0...1).contains(alpha) else {
      throw ValidationError("--alpha must be in 0...1, and is \(alpha)")
    }
    if let positiveClamp, !positiveClamp.isFinite {
      throw ValidationError("--positive-clamp must be a finite number, and is \(positiveClamp)")
    }
    guard !(symmetric && layout == .pooled) else {
      throw ValidationError(
        "--symmetric belongs to --layout crossView; pooled takes both views as anchors already")
    }
    guard labels != nil || !loss.needsLabels else {
      throw ValidationError("--loss \(loss.rawValue) needs --labels; \(ContrastiveLoss.withoutLabels) is defined without")
    }
  }

  func run() throws {
    let objective = ContrastiveObjective(
      loss, temperature: temperature, alpha: alpha, layout: layout, symmetric: symmetric,
      normalising: normalise,
      positiveClamp: positiveClamp)
    if let gradients, let clash = clash(in: gradients.folder) { throw ValidationError(clash) }
    let evaluation = try LossEvaluation(
      objective, view1: view1.path, view2: view2.path, labels: labels?.path, note: StandardError.line)
    if let gradients { try evaluation.writeGradients(to: gradients.folder) }
    try StandardOutput.json(evaluation.json)
  }

  private func clash(in folder: URL) -> String? {
    WholeFile.clash(
      outputs: LossEvaluation.gradientFiles.map { ("--gradients", folder.appendingPathComponent($0).path) },
      inputs: [("--view1", view1.path), ("--view2", view2.path)]
        + (labels.map { [("--labels", $0.path)] } ?? []))
  }
}

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
