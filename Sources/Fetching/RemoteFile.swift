import Foundation

/// What is published about a file, by which a copy is known to be whole.
public enum PublishedContents: Sendable, Equatable {
  /// MD5 and size of the file as it lies there.
  case file(md5: String, bytes: Int)
  /// MD5 and size of what gzip wraps: mirrors compressed the same contents differently.
  case unwrapped(md5: String, bytes: Int)

  var md5: String {
    switch self {
    case .file(let md5, _), .unwrapped(let md5, _): md5
    }
  }
}

/// A file of a data set that can be fetched.
public struct RemoteFile: Sendable, Equatable {
  /// Its name at the publisher's and here.
  public let name: String
  /// Where it is, in the order in which the addresses are tried.
  public let addresses: [String]
  /// The size of the file that is published, in bytes; a mirror's wrapping may differ by a little.
  public let size: Int
  /// By which a copy is known to be whole.
  public let contents: PublishedContents

  /// A file with its mirrors.
  public init(name: String, addresses: [String], size: Int, contents: PublishedContents) {
    self.name = name
    self.addresses = addresses
    self.size = size
    self.contents = contents
  }

  /// The most bytes that a file with these contents can have. Gzip at its worst stores blocks as they are.
  var largestSize: Int {
    switch contents {
    case .file(_, let bytes): bytes
    case .unwrapped(_, let bytes): max(size, bytes + bytes / 1000 + 1024)
    }
  }

  /// The size that every copy has; nil where it depends on the wrapping.
  var exactSize: Int? {
    switch contents {
    case .file(_, let bytes): bytes
    case .unwrapped: nil
    }
  }

  /// The names under which readers find it.
  var localNames: [String] {
    if case .unwrapped = contents, name.hasSuffix(".gz") { [name, String(name.dropLast(3))] } else { [name] }
  }
}

/// A data set as it can be got: files with addresses, or directions for a person.
public struct FetchableDataset: Sendable {
  /// What the command calls it.
  public let name: String
  /// For a person.
  public let title: String
  /// The folder of its files within the data folder.
  public let folder: String
  /// Other folders where its files may already be.
  public let otherFolders: [String]
  /// What is downloaded; none where there are directions.
  public let files: [RemoteFile]
  /// What to get, from where, and where to put it, where the terms want a person to do it; `{data}` stands for
  /// the data folder.
  public let directions: String?

  /// Files to download, or directions.
  public init(
    name: String, title: String, folder: String = "", otherFolders: [String] = [], files: [RemoteFile] = [],
    directions: String? = nil
  ) {
    self.name = name
    self.title = title
    self.folder = folder
    self.otherFolders = otherFolders
    self.files = files
    self.directions = directions
  }
}
