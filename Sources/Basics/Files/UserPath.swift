import Foundation

/// A path as a person writes it, in an argument, an environment variable or a setting.
///
/// `~` and `~/...` begin in the home folder. Nothing else is expanded: `~name` names a file of that name. The result never
/// begins with `~`, because Foundation would expand that once more, and by the system's list of users instead of
/// `HOME`.
package struct UserPath: Sendable, Hashable, CustomStringConvertible {
  /// What the system's calls take.
  package let path: String

  /// Expands a text.
  /// - Parameter variables: the environment, in which `HOME` is looked up.
  package init(_ text: String, variables: [String: String] = ProcessInfo.processInfo.environment) {
    let isInHome = text == "~" || text.hasPrefix("~/")
    if isInHome, let home = Self.home(variables) {
      path = home + text.dropFirst()
    } else {
      path = text.hasPrefix("~") ? "./\(text)" : text
    }
  }

  /// The path in an environment variable; nil where it is empty or absent.
  package init?(
    environment name: String, variables: [String: String] = ProcessInfo.processInfo.environment
  ) {
    guard let text = variables[name], !text.isEmpty else { return nil }
    self.init(text, variables: variables)
  }

  package var description: String { path }

  /// As the address of a file.
  package var file: URL { URL(fileURLWithPath: path) }
  /// As the address of a folder.
  package var folder: URL { URL(fileURLWithPath: path, isDirectory: true) }

  /// `HOME`, which a shell's `~` goes by, else what the system's list of users says; nil where neither is known.
  static func home(_ variables: [String: String]) -> String? {
    if let home = variables["HOME"], !home.isEmpty { return home }
    guard let entry = getpwuid(getuid()), let home = entry.pointee.pw_dir, home.pointee != 0 else {
      return nil
    }
    return String(cString: home)
  }

  /// Where caches go: `SPREAD_CACHE`, else `spread` in `XDG_CACHE_HOME`, else `~/.cache/spread`.
  package static func cacheFolder(_ variables: [String: String] = ProcessInfo.processInfo.environment)
    -> String
  {
    if let folder = UserPath(environment: "SPREAD_CACHE", variables: variables) { return folder.path }
    // Relative ones are to be ignored, as the XDG specification has it.
    if let base = variables["XDG_CACHE_HOME"], base.hasPrefix("/") { return "\(base)/spread" }
    return "\(home(variables) ?? "")/.cache/spread"
  }
}
