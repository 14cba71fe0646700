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
      throw ValidationError(
        "--loss \(loss.rawValue) needs --labels; \(ContrastiveLoss.withoutLabels) is defined without")
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
