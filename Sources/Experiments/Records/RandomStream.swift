/// Numbers of a seed's streams. They are part of what a seed means: never renumber them.
enum RandomStream {
  static let initialisation: UInt64 = 0
  static let batches: UInt64 = 1
  static let layers: UInt64 = 2
  static let probe: UInt64 = 3
}
