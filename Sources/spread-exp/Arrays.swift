import ArgumentParser
import ContrastiveLosses
import Foundation
import Reproduction

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

  @Option(help: "selfSupervised, supcon, attract, repel or spread.")
  var loss: ContrastiveLoss

  @Option(help: ArgumentHelp("Embeddings of the first view.", valueName: "file.npy"))
  var view1: String

  @Option(help: ArgumentHelp("Embeddings of the second view.", valueName: "file.npy"))
  var view2: String

  @Option(help: ArgumentHelp("One integer a row; selfSupervised needs none.", valueName: "file.npy"))
  var labels: String?

  @Option(help: "Divides the similarities.")
  var temperature: Float = 0.5

  @Option(help: "Weight of L_attract in L_spread.")
  var alpha: Float = 0.5

  @Option(help: "crossView (view 1 against view 2) or pooled (all rows of both views).")
  var layout = ContrastiveLayout.crossView

  @Flag(help: "crossView: the average with the views exchanged.")
  var symmetric = false

  @Flag(help: "Scale rows to unit length first.")
  var normalise = false

  @Option(help: "Bound on a positive's similarity in a numerator; the authors' public code has 1.")
  var positiveClamp: Float?

  @Option(help: ArgumentHelp("Write grad1.npy and grad2.npy to this folder.", valueName: "folder"))
  var gradients: String?

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
    guard labels != nil || loss == .selfSupervised else {
      throw ValidationError("--loss \(loss.rawValue) needs --labels; only selfSupervised is defined without")
    }
  }

  func run() throws {
    let objective = ContrastiveObjective(
      loss, temperature: temperature, alpha: alpha, layout: layout, symmetric: symmetric,
      normalising: normalise,
      positiveClamp: positiveClamp)
    let evaluation = try LossEvaluation(objective, view1: view1, view2: view2, labels: labels)
    if let gradients { try evaluation.writeGradients(to: URL(fileURLWithPath: gradients, isDirectory: true)) }
    print(evaluation.json)
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
  var embeddings: String

  @Option(help: ArgumentHelp("The class of each row.", valueName: "file.npy"))
  var labels: String

  @Option(help: ArgumentHelp("The stratum of each row.", valueName: "file.npy"))
  var strata: String?

  func run() throws {
    print(try CollapseReport(embeddings: embeddings, labels: labels, strata: strata).json)
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
  var checkpoint: String

  @Option(
    help: "The data set: \(DataSettings.Name.allCases.map(\.rawValue).joined(separator: ", ")).")
  var data: DataSettings.Name

  @Option(help: "train or test.")
  var split = DataSplit.test

  @Option(
    help: ArgumentHelp(
      "Where data sets are (default: the environment variable SPREAD_DATA).", valueName: "folder"))
  var folder: String?

  @Option(help: ArgumentHelp("Where the embeddings go.", valueName: "file.npy"))
  var output: String

  @Option(help: ArgumentHelp("Where the classes go.", valueName: "file.npy"))
  var labels: String?

  @Option(help: ArgumentHelp("Where the fine labels go.", valueName: "file.npy"))
  var strata: String?

  func run() throws {
    let embedder = try Embedder(
      checkpoint: URL(fileURLWithPath: checkpoint), data: data, split: split,
      folder: folder.map { URL(fileURLWithPath: $0, isDirectory: true) })
    try embedder.write(embeddings: output, coarseLabels: labels, fineLabels: strata)
  }
}

extension DataSettings.Name: ExpressibleByArgument {}
extension DataSplit: ExpressibleByArgument {}
