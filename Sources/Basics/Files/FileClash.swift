import Foundation

extension WholeFile {
  /// A file that an option names, for `clash`.
  package typealias Named = (option: String, path: String)

  /// Says which outputs would replace one another, or a file that is read; nil where none would. Links are followed.
  /// Devices and FIFOs replace nothing.
  package static func clash(outputs: [Named], inputs: [Named] = []) -> String? {
    var known: [(identity: String, option: String)] = inputs.compactMap { input in
      identity(input.path).map { ($0, input.option) }
    }
    for output in outputs {
      guard let identity = identity(output.path) else { continue }
      if let other = known.first(where: { $0.identity == identity }) {
        return "\(output.option) would replace the file of \(other.option), \(output.path)"
      }
      known.append((identity, output.option))
    }
    return nil
  }

  /// What two names of one file have in common; nil for what is no regular file.
  private static func identity(_ path: String) -> String? {
    guard case .file(let target, let old) = try? OutputPlace(path) else { return nil }
    if let old { return "\(old.st_dev):\(old.st_ino)" }
    guard let folder = realpath(OutputPlace.folder(of: target), nil) else { return nil }
    defer { free(folder) }
    return "\(String(cString: folder))/\(target.split(separator: "/").last ?? "")"
  }
}
