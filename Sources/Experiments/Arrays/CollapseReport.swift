import Basics
import Evaluation
import Foundation

/// The collapse figures of embeddings in `.npy` files: what `spread-exp metrics` prints.
package struct CollapseReport: Codable, Sendable {
  /// Embeddings that were read, N.
  package let points: Int
  /// Length of each, d.
  package let dimensions: Int
  /// By the labels; groups are named by the integers in the file and stand in ascending order.
  package let classes: Collapse
  /// Nil when no strata were given.
  package let strata: Collapse?

  /// Reads the files and measures.
  ///
  /// - Parameters:
  ///   - embeddings: `[N, d]`
  ///   - labels, strata: N integers each, of any value.
  ///   - note: told what a person should know of the rows.
  /// - Throws: `FileFormatError` for a file that is not well-formed, or arrays that do not go together.
  package init(
    embeddings: String, labels: String, strata: String?, note: (String) -> Void = { _ in }
  ) throws {
    let z = try readEmbeddings(embeddings, scalesRows: true, note: note)
    points = z.shape[0]
    dimensions = z.shape[1]
    func collapse(_ path: String, _ meaning: String) throws -> Collapse {
      let values = try readIntegers(path, meaning: meaning)
      guard values.count == z.shape[0] else {
        throw FileFormatError(path, "\(values.count) \(meaning) for \(z.shape[0]) embeddings")
      }
      // Any integers may name the groups; they are numbered in ascending order.
      let names = Set(values).sorted()
      let places = Dictionary(uniqueKeysWithValues: zip(names, names.indices))
      return Collapse(z, groups: values.map { places[$0]! }, names: names.map(String.init))
    }
    classes = try collapse(labels, "labels")
    self.strata = try strata.map { try collapse($0, "strata") }
  }

  /// As a JSON object.
  package var json: String {
    get throws {
      let encoder = JSONEncoder()
      encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
      return String(decoding: try encoder.encode(self), as: UTF8.self)
    }
  }
}
