import Tensors

/// A batch ordered by label, so that a class is one run of rows, and a row's positives one run of columns.
struct LabelOrder {
  /// For each place in the order, the row it came from.
  let original: [Int]
  /// For each row, its place.
  let place: [Int]
  /// For each place, the places of its class.
  let ranges: [Range<Int>]

  init(_ labels: [Int]) {
    original = labels.indices.sorted { (labels[$0], $0) < (labels[$1], $1) }
    var place = [Int](repeating: 0, count: labels.count)
    var ranges: [Range<Int>] = []
    ranges.reserveCapacity(labels.count)
    var start = 0
    while start < original.count {
      var end = start + 1
      while end < original.count && labels[original[end]] == labels[original[start]] { end += 1 }
      for i in start..<end {
        place[original[i]] = i
        ranges.append(start..<end)
      }
      start = end
    }
    self.place = place
    self.ranges = ranges
  }

  func sorted(_ rows: Tensor) -> Tensor { rows.detached().gathered(original) }

  func restored(_ rows: Tensor) -> Tensor { rows.detached().gathered(place) }
}
