import Foundation

/// The contrastive losses in double precision, term by term from their definitions (Guides/losses.md) and
/// with no thought for speed: what the program's figures are held against.
struct LossReference {
  var loss: String
  var temperature = 0.5
  var alpha = 0.5
  var isPooled = false
  var isSymmetric = false
  var normalises = false

  func value(_ view1: [[Double]], _ view2: [[Double]], _ labels: [Int]) -> Double {
    let (z1, z2) = normalises ? (view1.map(unit), view2.map(unit)) : (view1, view2)
    if isPooled {
      let (z, y, count) = (z1 + z2, labels + labels, labels.count)
      let terms = z.indices.map { i in
        term(z.map { dot(z[i], $0) / temperature }, y, anchor: i, own: (i + count) % (2 * count), without: i)
      }
      return mean(terms)
    }
    let forward = crossView(z1, z2, labels)
    return isSymmetric ? (forward + crossView(z2, z1, labels)) / 2 : forward
  }

  /// With respect to one number of one view, by central differences.
  func derivative(
    _ views: [[[Double]]], _ labels: [Int], view: Int, row: Int, column: Int, step: Double = 1e-5
  ) -> Double {
    func value(_ change: Double) -> Double {
      var views = views
      views[view][row][column] += change
      return self.value(views[0], views[1], labels)
    }
    return (value(step) - value(-step)) / (2 * step)
  }

  private func crossView(_ z1: [[Double]], _ z2: [[Double]], _ labels: [Int]) -> Double {
    mean(
      z1.indices.map { i in
        term(z2.map { dot(z1[i], $0) / temperature }, labels, anchor: i, own: i, without: nil)
      })
  }

  private func term(_ s: [Double], _ labels: [Int], anchor: Int, own: Int, without: Int?) -> Double {
    let all = s.indices.filter { $0 != without }
    let positives = all.filter { labels[$0] == labels[anchor] }
    let negatives = all.filter { labels[$0] != labels[anchor] }
    func sum(_ places: [Int]) -> Double { log(places.reduce(0) { $0 + exp(s[$1]) }) }
    switch loss {
    case "selfSupervised": return sum(all) - s[own]
    case "supcon": return mean(positives.map { sum(all) - s[$0] })
    case "attract": return mean(positives.map { sum([$0] + negatives) - s[$0] })
    case "repel": return sum(positives) - s[own]
    default:
      var (attract, repel) = (self, self)
      (attract.loss, repel.loss) = ("attract", "repel")
      return alpha * attract.term(s, labels, anchor: anchor, own: own, without: without)
        + (1 - alpha) * repel.term(s, labels, anchor: anchor, own: own, without: without)
    }
  }

  private func unit(_ row: [Double]) -> [Double] {
    let length = dot(row, row).squareRoot()
    return row.map { $0 / length }
  }

  private func dot(_ a: [Double], _ b: [Double]) -> Double { zip(a, b).reduce(0) { $0 + $1.0 * $1.1 } }

  private func mean(_ values: [Double]) -> Double { values.reduce(0, +) / Double(values.count) }
}
