import Basics

/// What an epoch came to: a line of `metrics.jsonl`, and a line for the person who waits.
struct EpochReport {
  /// How an epoch went in time; nothing that the result depends on.
  struct Speed {
    var seconds: Double
    var imagesPerSecond: Double
    /// Of the epoch's time, how much the steps waited for their images.
    var waitingShare: Double
  }

  /// Epochs done, this one included.
  var epoch: Int
  /// Steps an epoch.
  var steps: Int
  /// Of all its steps.
  var sums: TrainingState.Sums
  /// Of the cross entropy beside the contrastive loss.
  var classifierWeight: Double
  var validation: Validation.Outcome
  /// The learning rate of its last step.
  var rate: Double
  var speed: Speed

  var loss: Double { mean(sums.contrastive + classifierWeight * sums.crossEntropy) }

  /// The line of `metrics.jsonl`.
  var metrics: EpochMetrics {
    var figures: [EpochFigure: Double] = [
      .loss: loss, .contrastive: mean(sums.contrastive), .crossEntropy: mean(sums.crossEntropy),
      .validationAccuracy: validation.accuracy, .gradientNorm: mean(sums.gradientNorm),
      .maximumGradientNorm: sums.maximumGradientNorm, .rate: rate,
      .batchesWithoutPairs: Double(sums.batchesWithoutPairs), .seconds: speed.seconds,
      .imagesPerSecond: speed.imagesPerSecond, .waitingShare: speed.waitingShare,
    ]
    if let spread = validation.spread {
      figures[.embeddingCosine] = spread.meanCosine
      figures[.embeddingDeviation] = spread.deviation
      figures[.constantDimensions] = Double(spread.constantDimensions)
    }
    figures[.neighbourFineAccuracy] = validation.neighbours?.fine
    figures[.neighbourCoarseAccuracy] = validation.neighbours?.coarse
    return EpochMetrics(epoch: epoch, step: epoch * steps, figures: figures)
  }

  private func mean(_ sum: Double) -> Double { sum / Double(steps) }
}

extension EpochReport {
  /// Sentences about what looks wrong, each with what to do.
  ///
  /// - Parameter configuration: whose loss it is.
  func warnings(_ configuration: ExperimentConfiguration) -> (collapse: String?, pairs: String?) {
    (collapse, pairs(configuration))
  }

  private var collapse: String? {
    guard let spread = validation.spread, spread.isCollapsed else { return nil }
    return
      "the embeddings have nearly collapsed: mean cosine \(decimals(spread.meanCosine, 3)) over the "
      + "validation images, \(spread.constantDimensions) of \(spread.dimensions) dimensions constant; if this "
      + "lasts, a lower optimiser.rate, a warm-up (schedule.warmUpEpochs) or another loss.temperature may help"
  }

  private func pairs(_ configuration: ExperimentConfiguration) -> String? {
    guard sums.batchesWithoutPairs > 0, configuration.objective.loss.needsLabels else { return nil }
    return
      "\(sums.batchesWithoutPairs) of \(steps) batches have no two points of one class, so that "
      + "\(configuration.objective.loss.symbol) has nothing there but each point's own two views; a batchSize well "
      + "above the number of classes helps (it is \(configuration.batchSize))"
  }
}
