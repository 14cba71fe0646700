import Tensors

/// Which similarities a batch gives.
public enum ContrastiveLayout: String, Sendable, CaseIterable {
  /// Anchors are view 1, contrasts are view 2: B x B.
  case crossView
  /// Both views are anchors and contrasts: 2B x 2B without the diagonal.
  case pooled
}

/// Why a contrastive loss cannot be computed.
public struct ContrastiveLossError: Error, CustomStringConvertible, Equatable {
  /// A sentence: what was wrong with the settings or the batch, with the values that were found.
  public let description: String
}

/// A contrastive loss with its settings; call it with two views of a batch.
///
/// ```swift
/// let objective = ContrastiveObjective(.spread, temperature: 0.5, alpha: 0.5)
/// let loss = try objective(encoder(view1, &pass), encoder(view2, &pass), labels: labels)
/// loss.backward()
/// ```
///
/// With `s` the similarities divided by the temperature, P(i) the contrasts of anchor i's label, N(i) the
/// others, A(i) both, and own(i) its augmentation, the loss is the mean over anchors of
///
/// | loss | term |
/// |---|---|
/// | L_SS | LSE over A(i) of s - s(i, own(i)) |
/// | L_SC | mean over p in P(i) of LSE over A(i) of s - s(i, p) |
/// | L_attract | mean over p in P(i) of log(e^s(i, p) + sum over N(i) of e^s) - s(i, p) |
/// | L_repel | LSE over P(i) of s - s(i, own(i)) |
/// | L_spread | alpha L_attract + (1 - alpha) L_repel |
///
/// It is exact, and works in tiles: no B x B matrix is ever held.
/// - Complexity: 6 B^2 d operations with gradients (2 B^2 d without); 8 B^2 d, or 10 B^2 d with L_attract, where a
///   strip of B similarities a row no longer fits in cache; memory O(B (d + tile)).
/// - Source: Fu et al. 2022, equations 2 and 3; Khosla et al. 2020; the gradients in closed form stand in
///   Guides/losses.md.
public struct ContrastiveObjective: Sendable, Equatable {
  /// Which row of the table above is computed; all but L_SS need labels.
  public var loss: ContrastiveLoss
  /// tau, what similarities are divided by; above 0.
  public var temperature: Double
  /// The weight of L_attract in L_spread, in [0, 1].
  public var alpha: Double
  /// Which points are anchors, and which are compared with them.
  public var layout: ContrastiveLayout
  /// With `crossView`: the average with the views exchanged.
  public var symmetric: Bool
  /// Rows are scaled to unit length first, whatever finite length they have; rows of zeros stay zeros.
  public var normalising: Bool
  /// Bounds the similarity of a positive where it stands in a numerator (of L_SS, L_SC and L_attract): beyond
  /// it, being closer earns nothing. The authors' public code bounds it at 1; neither paper mentions it. None
  /// by default.
  public var positiveClamp: Double?
  /// Rows of similarities that are worked on at a time by a core; chosen by size when nil. The result does
  /// not depend on it beyond rounding.
  public var tileRows: Int?

  /// Nothing is checked here: what cannot be used is refused, with a sentence, by `check` and by each call.
  public init(
    _ loss: ContrastiveLoss = .spread, temperature: Double = 0.5, alpha: Double = 0.5,
    layout: ContrastiveLayout = .crossView,
    symmetric: Bool = false, normalising: Bool = true, positiveClamp: Double? = nil, tileRows: Int? = nil
  ) {
    self.loss = loss
    self.temperature = temperature
    self.alpha = alpha
    self.layout = layout
    self.symmetric = symmetric
    self.normalising = normalising
    self.positiveClamp = positiveClamp
    self.tileRows = tileRows
  }

  /// The loss of a batch, a scalar, as one node of the graph.
  ///
  /// - Parameters:
  ///   - view1, view2: embeddings of two augmentations of the same points, `[B, d]`
  ///   - labels: B class labels; may be nil for L_SS, which does not look at them
  /// - Throws: `ContrastiveLossError` when the settings or the batch are not as described; see `check`.
  public func callAsFunction(_ view1: Tensor, _ view2: Tensor, labels: [Int]?) throws -> Tensor {
    try check(view1, view2, labels: labels)
    let z1 = normalising ? view1.normalised() : view1
    let z2 = normalising ? view2.normalised() : view2
    let needsGradient = z1.requiresGradient || z2.requiresGradient
    let result = value(z1, z2, labels: loss.needsLabels ? labels : nil, gradient: needsGradient)
    let (g1, g2) = (result.gradient1, result.gradient2)
    return Tensor.record(Tensor(Float(result.value)), from: [z1, z2]) { upstream in
      let factor = upstream.item()
      return [g1.map { factor == 1 ? $0 : $0 * factor }, g2.map { factor == 1 ? $0 : $0 * factor }]
    }
  }

  /// Checks settings and batch without computing anything.
  public func check(_ view1: Tensor, _ view2: Tensor, labels: [Int]?) throws {
    func fail(_ text: String) -> ContrastiveLossError { ContrastiveLossError(description: text) }
    guard temperature > 0, temperature.isFinite else {
      throw fail("the temperature must be above 0, and is \(temperature)")
    }
    // It is computed with in single precision.
    guard Float(temperature).isFinite, (1 / Float(temperature)).isFinite else {
      throw fail("the temperature \(temperature) is beyond what float32 divides by")
    }
    guard (0...1).contains(alpha) else { throw fail("alpha must be in [0, 1], and is \(alpha)") }
    guard positiveClamp.map({ !$0.isNaN }) ?? true else { throw fail("positiveClamp must be a number") }
    guard tileRows.map({ $0 >= 1 }) ?? true else {
      throw fail("tileRows must be at least 1, and is \(tileRows!)")
    }
    guard !(symmetric && layout == .pooled) else {
      throw fail("symmetric belongs to the layout crossView; pooled takes both views as anchors already")
    }
    guard view1.rank == 2, view1.shape == view2.shape, view1.shape[1] > 0 else {
      throw fail("the views must have one shape [B, d], and have \(view1.shape) and \(view2.shape)")
    }
    let batch = view1.shape[0]
    guard batch >= 2 else {
      throw fail("a contrastive loss needs a batch of at least 2 points, and this has \(batch)")
    }
    if let labels {
      guard labels.count == batch else { throw fail("\(labels.count) labels for a batch of \(batch) points") }
    } else if loss.needsLabels {
      throw fail(
        "the loss \(loss.rawValue) needs labels; \(ContrastiveLoss.withoutLabels) is defined without")
    }
    for (name, view) in [("first", view1), ("second", view2)] {
      guard let row = view.firstRowNotFinite else { continue }
      throw fail("the \(name) view has a value in row \(row) that is not finite")
    }
  }

  private func value(_ z1: Tensor, _ z2: Tensor, labels: [Int]?, gradient: Bool) -> ContrastiveResult {
    switch layout {
    case .pooled: return pooled(z1, z2, labels: labels, gradient: gradient)
    case .crossView:
      let first = crossView(z1, z2, labels: labels, gradient: gradient)
      return symmetric
        ? first.averaged(withExchanged: crossView(z2, z1, labels: labels, gradient: gradient)) : first
    }
  }

  private func crossView(_ z1: Tensor, _ z2: Tensor, labels: [Int]?, gradient: Bool) -> ContrastiveResult {
    let batch = z1.shape[0]
    let order = LabelOrder(labels ?? [Int](repeating: 0, count: batch))
    let sweep = ContrastiveSweep(
      anchors: order.sorted(z1), contrasts: order.sorted(z2),
      rows: (0..<batch).map { ContrastRow(positives: order.ranges[$0], own: $0, excluded: nil) },
      objective: self)
    let result = sweep.run(gradient: gradient)
    return ContrastiveResult(
      value: result.value, gradient1: result.anchors.map(order.restored),
      gradient2: result.contrasts.map(order.restored))
  }

  private func pooled(_ z1: Tensor, _ z2: Tensor, labels: [Int]?, gradient: Bool) -> ContrastiveResult {
    let batch = z1.shape[0]
    let labels = labels ?? [Int](repeating: 0, count: batch)
    let order = LabelOrder(labels + labels)
    let z = withoutGradient { order.sorted(Tensor.concatenated([z1, z2])) }
    let rows = (0..<2 * batch).map { place in
      ContrastRow(
        positives: order.ranges[place], own: order.place[(order.original[place] + batch) % (2 * batch)],
        excluded: place)
    }
    let result = ContrastiveSweep(anchors: z, contrasts: z, rows: rows, objective: self).run(
      gradient: gradient)
    guard let dAnchors = result.anchors, let dContrasts = result.contrasts else {
      return ContrastiveResult(value: result.value)
    }
    let both = withoutGradient { order.restored(dAnchors + dContrasts) }
    return ContrastiveResult(
      value: result.value, gradient1: both.sliced(0..<batch), gradient2: both.sliced(batch..<(2 * batch)))
  }
}

/// A loss and its gradients with respect to the two views.
private struct ContrastiveResult {
  var value: Double
  var gradient1: Tensor?
  var gradient2: Tensor?

  func averaged(withExchanged other: ContrastiveResult) -> ContrastiveResult {
    func half(_ a: Tensor?, _ b: Tensor?) -> Tensor? {
      guard let a, let b else { return nil }
      return withoutGradient { (a + b) * 0.5 }
    }
    return ContrastiveResult(
      value: (value + other.value) / 2, gradient1: half(gradient1, other.gradient2),
      gradient2: half(gradient2, other.gradient1))
  }
}
