import CKernels
import Tensors

/// Where an anchor's positives are among the contrasts, ordered by label.
struct ContrastRow: Sendable {
  let positives: Range<Int>
  /// The column of its augmentation.
  let own: Int
  /// The column that is left out everywhere: the anchor itself, where it is among the contrasts.
  let excluded: Int?

  var positiveCount: Int { positives.count - (excluded == nil ? 0 : 1) }

  /// The runs of positives and of negatives within some columns.
  func forEachRun(
    in columns: Range<Int>, positives visitPositives: (Range<Int>) -> Void,
    negatives visitNegatives: (Range<Int>) -> Void
  ) {
    let own = positives.clamped(to: columns)
    if let excluded, own.contains(excluded) {
      if own.lowerBound < excluded { visitPositives(own.lowerBound..<excluded) }
      if excluded + 1 < own.upperBound { visitPositives(excluded + 1..<own.upperBound) }
    } else if !own.isEmpty {
      visitPositives(own)
    }
    let before = columns.lowerBound..<max(columns.lowerBound, min(columns.upperBound, positives.lowerBound))
    let after = min(columns.upperBound, max(columns.lowerBound, positives.upperBound))..<columns.upperBound
    if !before.isEmpty { visitNegatives(before) }
    if !after.isEmpty { visitNegatives(after) }
  }
}

/// One loss over all anchors: statistics of each row of similarities, then its gradient, block of rows by
/// block of rows over the cores.
///
/// A block's similarities are kept as a strip `[rows, contrasts]` while that stays near a core's cache; with
/// more contrasts they are computed again, tile by tile, when they are needed again.
struct ContrastiveSweep: Sendable {
  let anchors: Tensor
  let contrasts: Tensor
  let rows: [ContrastRow]
  let objective: ContrastiveObjective
  private let term: any AnchorTerm
  let blockRows: Int
  let tileColumns: Int
  let keepsStrip: Bool

  init(anchors: Tensor, contrasts: Tensor, rows: [ContrastRow], objective: ContrastiveObjective) {
    self.anchors = anchors
    self.contrasts = contrasts
    self.rows = rows
    self.objective = objective
    term = objective.loss.term.init(objective)
    let stripFloats = 2 << 20
    let columns = contrasts.shape[0]
    keepsStrip = stripFloats / columns >= 128 || columns * (objective.tileRows ?? columns) <= stripFloats
    // Every core gets a share of the rows even when there are few.
    let share = (rows.count + Parallel.threadCount - 1) / Parallel.threadCount
    blockRows = min(objective.tileRows ?? (keepsStrip ? min(256, stripFloats / columns) : 256), max(1, share))
    tileColumns = min(columns, objective.tileRows.map { max(1, $0) } ?? 1024)
  }

  private var dimension: Int { anchors.shape[1] }
  private var columns: Int { contrasts.shape[0] }

  /// The mean over the anchors, and with `gradient` its gradients with respect to anchors and contrasts.
  func run(gradient: Bool) -> (value: Double, anchors: Tensor?, contrasts: Tensor?) {
    run(term, gradient: gradient)
  }

  private func run(_ term: some AnchorTerm, gradient: Bool) -> (
    value: Double, anchors: Tensor?, contrasts: Tensor?
  ) {
    let blocks = (rows.count + blockRows - 1) / blockRows
    let parts = max(1, min(Parallel.threadCount, blocks))
    let dAnchors = gradient ? Tensor.zeros(anchors.shape) : nil
    let sums = gradient ? PartialSums(parts: parts, count: contrasts.count) : nil
    var values = [Double](repeating: 0, count: rows.count)
    values.withUnsafeMutableBufferPointer { values in
      Parallel.forEach(parts) { range in
        for part in range {
          withScratch(blockRows * (keepsStrip ? columns : tileColumns)) { scratch in
            for block in part * blocks / parts..<(part + 1) * blocks / parts {
              let mine = block * blockRows..<min((block + 1) * blockRows, rows.count)
              var work = BlockOfRows(sweep: self, term: term, rows: mine, scratch: scratch)
              work.run(values: values, dAnchors: dAnchors?.pointer, dContrasts: sums?.part(part))
            }
          }
        }
      }
    }
    let count = Double(rows.count)
    return (
      values.reduce(0, +) / count, dAnchors, sums.map { $0.total().reshaped(contrasts.shape) }
    )
  }

  /// Calls `body` for each tile of columns.
  func forEachTile(_ body: (Range<Int>) -> Void) {
    for start in stride(from: 0, to: columns, by: tileColumns) {
      body(start..<min(start + tileColumns, columns))
    }
  }
}

/// Some rows of similarities on one core.
private struct BlockOfRows<Term: AnchorTerm> {
  let sweep: ContrastiveSweep
  let term: Term
  let rows: Range<Int>
  let scratch: UnsafeMutablePointer<Float>
  var statistics: [RowStatistics]

  init(sweep: ContrastiveSweep, term: Term, rows: Range<Int>, scratch: UnsafeMutablePointer<Float>) {
    (self.sweep, self.term, self.rows, self.scratch) = (sweep, term, rows, scratch)
    let clamp = sweep.objective.positiveClamp.map { Float($0) } ?? .infinity
    statistics = rows.map { RowStatistics(sweep.rows[$0], needs: term.needs, clamp: clamp) }
  }

  mutating func run(
    values: UnsafeMutableBufferPointer<Double>, dAnchors: UnsafeMutablePointer<Float>?,
    dContrasts: UnsafeMutablePointer<Float>?
  ) {
    sweep.forEachTile { columns in
      computeTile(columns)
      for i in statistics.indices { statistics[i].gather(columns, row(i, columns)) }
    }
    for i in statistics.indices { statistics[i].finish() }
    if term.needs.contains(.attractTerms) {
      let positives =
        statistics[0].row.positives.lowerBound..<statistics[statistics.count - 1].row.positives.upperBound
      sweep.forEachTile { columns in
        guard columns.overlaps(positives) else { return }
        if !sweep.keepsStrip { computeTile(columns) }
        for i in statistics.indices { statistics[i].gatherPositives(columns, row(i, columns)) }
      }
    }
    for i in statistics.indices { values[rows.lowerBound + i] = term.value(statistics[i]) }
    guard let dAnchors, let dContrasts else { return }
    sweep.forEachTile { columns in
      if !sweep.keepsStrip { computeTile(columns) }
      for i in statistics.indices { statistics[i].differentiate(term, columns, row(i, columns)) }
      propagate(columns, dAnchors: dAnchors, dContrasts: dContrasts)
    }
  }

  private var stride: Int { sweep.keepsStrip ? sweep.contrasts.shape[0] : sweep.tileColumns }

  private func tile(_ columns: Range<Int>) -> UnsafeMutablePointer<Float> {
    scratch + (sweep.keepsStrip ? columns.lowerBound : 0)
  }

  private func row(_ i: Int, _ columns: Range<Int>) -> UnsafeMutablePointer<Float> {
    tile(columns) + i * stride
  }

  private func computeTile(_ columns: Range<Int>) {
    let d = sweep.anchors.shape[1]
    BLAS.gemm(
      transposeB: true, m: rows.count, n: columns.count, k: d, alpha: 1 / Float(sweep.objective.temperature),
      a: sweep.anchors.pointer + rows.lowerBound * d, lda: d,
      b: sweep.contrasts.pointer + columns.lowerBound * d, ldb: d,
      c: tile(columns), ldc: stride)
  }

  /// From the gradient with respect to a tile of similarities to the ones with respect to anchors and
  /// contrasts.
  private func propagate(
    _ columns: Range<Int>, dAnchors: UnsafeMutablePointer<Float>, dContrasts: UnsafeMutablePointer<Float>
  ) {
    let d = sweep.anchors.shape[1]
    let factor = 1 / (Float(sweep.objective.temperature) * Float(sweep.rows.count))
    BLAS.gemm(
      m: rows.count, n: d, k: columns.count, alpha: factor, a: tile(columns), lda: stride,
      b: sweep.contrasts.pointer + columns.lowerBound * d, ldb: d, beta: 1, c: dAnchors + rows.lowerBound * d,
      ldc: d)
    BLAS.gemm(
      transposeA: true, m: columns.count, n: d, k: rows.count, alpha: factor, a: tile(columns), lda: stride,
      b: sweep.anchors.pointer + rows.lowerBound * d, ldb: d, beta: 1, c: dContrasts + columns.lowerBound * d,
      ldc: d)
  }
}
