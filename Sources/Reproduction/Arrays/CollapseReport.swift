public struct CollapseReport {
  public init(embeddings: String, labels: String, strata: String?) throws {}
  public var json: String { "" }
}
