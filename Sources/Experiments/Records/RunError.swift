/// Why a run cannot begin or go on: its folder, its data, its network, or a loss that is no number.
public struct RunError: Error, Sendable, Equatable, CustomStringConvertible {
  /// The sentence.
  public let description: String
  /// Whether another process works on the run, which is then none of this one's.
  let isOfAnotherWorker: Bool

  /// An error whose text is all that is shown: it names the file, and says what can be done about it.
  public init(_ description: String) { self.init(description, isOfAnotherWorker: false) }

  package init(_ description: String, isOfAnotherWorker: Bool) {
    (self.description, self.isOfAnotherWorker) = (description, isOfAnotherWorker)
  }
}
