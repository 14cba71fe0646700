import Basics

/// What a person should know who runs this library in a build for debugging, in which it takes five times as long.
///
/// This package's own debug builds are optimised (see Package.swift); those of a package that depends on it are not.
enum BuildNote {
  static func writeOnce() { _ = written }

  // In a function of its own: the compiler knows the answer, and warns of code that is then never run.
  @inline(never) private static func isUnoptimised() -> Bool { _isDebugAssertConfiguration() }

  private static let written: Void = {
    guard isUnoptimised() else { return }
    ResourceFailure.write(
      "note: the tensor library was built without optimisation and is several times slower than it need be; build with "
        + "`-c release`, or with `-Xswiftc -O -Xcc -O3`\n")
  }()
}
