/// A part of the runs of a table, for one of several machines: every n-th run, so that each gets some of every row.
package struct RunSlice: Sendable, Equatable {
  /// From 1.
  package let number: Int
  /// Parts in all.
  package let count: Int

  /// Nil where it is not "i/n" with i in 1...n.
  package init?(_ text: String) {
    let parts = text.split(separator: "/", omittingEmptySubsequences: false).map { Int($0) }
    guard parts.count == 2, let number = parts[0], let count = parts[1], (1...100_000).contains(count),
      (1...count).contains(number)
    else { return nil }
    (self.number, self.count) = (number, count)
  }

  /// This part of a list; the parts of all numbers together are the list.
  package func of<Element>(_ elements: [Element]) -> [Element] {
    elements.enumerated().filter { $0.offset % count == number - 1 }.map(\.element)
  }
}
