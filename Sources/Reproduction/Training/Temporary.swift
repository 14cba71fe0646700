import ContrastiveLosses
import NeuralNetworks
import Tensors

func temporaryProbe(
  _ x: Tensor, _ y: [Int], _ tx: Tensor, _ ty: [Int], classes: Int, _ p: ProbeSettings, _ seed: Int
) -> Double {
  var g = RandomGenerator(seed: 5)
  let linear = Linear(x.shape[1], classes, using: &g)
  let o = AdamW(linear.parameters(), weightDecay: 0)
  let m = x.mean(axis: 0)
  let d = ((x - m) * (x - m)).mean(axis: 0).sqrt()
  let (a, b) = ((x - m) / d, (tx - m) / d)
  var pass = Pass.evaluation
  for _ in 0..<p.epochs {
    crossEntropy(linear(a, &pass), labels: y).backward()
    o.step(rate: 0.02)
  }
  let l = withoutGradient { linear(b, &pass) }
  return Double(ty.indices.filter { r in (0..<classes).max { l[r, $0] < l[r, $1] }! == ty[r] }.count)
    / Double(ty.count)
}

func temporaryNeighbours(_ x: Tensor, _ y: [Int], _ tx: Tensor, _ ty: [Int], k: Int) -> Double { 0.5 }

func temporaryCollapse(_ x: Tensor, _ y: [Int]) -> RunResult.Collapse {
  let z = withoutGradient { x.normalised() }
  var total = 0.0
  var n = 0.0
  for c in Set(y).sorted() {
    let rows = y.indices.filter { y[$0] == c }
    let g = z.gathered(rows)
    let s = g.sum(axis: 0).scalars().reduce(0.0) { $0 + Double($1) * Double($1) }
    let m = Double(rows.count)
    total += (s - m) / max(1, m - 1)
    n += m
  }
  return RunResult.Collapse(withinCosine: total / n, cosineToMean: 0, withinVarianceShare: 0)
}
