import Foundation
import TestSupport
import Testing

@testable import Basics

@Suite struct WholeFileTests {
  private let folder: TemporaryFolder

  init() throws { folder = try TemporaryFolder() }

  private var names: [String] {
    ((try? FileManager.default.contentsOfDirectory(atPath: folder.path)) ?? []).sorted()
  }

  private func put(_ text: String, _ name: String) throws {
    try WholeFile.write(Data(text.utf8), to: folder.file(name))
  }

  private func text(_ name: String) throws -> String {
    String(decoding: try WholeFile.read(folder.file(name)), as: UTF8.self)
  }

  private func status(_ name: String) -> stat {
    var status = stat()
    lstat(folder.file(name), &status)
    return status
  }

  @Test func aLinkStaysAndItsFileIsReplaced() throws {
    _ = try folder.write(Data("old".utf8), "real")
    mkdir(folder.file("sub"), 0o777)
    for (link, target) in [("link", "real"), ("second", "link"), ("sub/up", "../real")] {
      #expect(symlink(target, folder.file(link)) == 0)
      let before = status("real").st_ino
      try put("by \(link)", link)
      #expect(try text("real") == "by \(link)")
      #expect(status(link).st_mode & S_IFMT == S_IFLNK && status("real").st_ino != before)
    }
    #expect(names == ["link", "real", "second", "sub"])
  }

  @Test func aLinkToNothingMakesItsFile() throws {
    #expect(symlink("made", folder.file("link")) == 0)
    try put("new", "link")
    #expect(try text("made") == "new" && status("link").st_mode & S_IFMT == S_IFLNK)
  }

  @Test(arguments: [0o600, 0o640, 0o666, 0o444, 0o755] as [mode_t])
  func aReplacedFileHandsOnItsPermissions(mode: mode_t) throws {
    _ = try folder.write(Data("old".utf8), "a")
    chmod(folder.file("a"), mode)
    if getuid() == 0 { chown(folder.file("a"), 12, 34) }
    try put("new", "a")
    #expect(try text("a") == "new" && status("a").st_mode & 0o7777 == mode)
    if getuid() == 0 { #expect(status("a").st_uid == 12 && status("a").st_gid == 34) }
  }

  @Test func aNewFileHasThePermissionsOfTheMask() throws {
    // As any other program would make it; the mask itself is the whole process's and left alone.
    let descriptor = open(folder.file("reference"), O_WRONLY | O_CREAT, 0o666)
    close(descriptor)
    try put("new", "a")
    #expect(status("a").st_mode == status("reference").st_mode)
  }

  @Test func aFIFOIsWrittenInto() throws {
    #expect(mkfifo(folder.file("fifo"), 0o600) == 0)
    // Open at both ends, so that neither side waits for the other.
    let reader = open(folder.file("fifo"), O_RDWR)
    defer { close(reader) }
    try put("through", "fifo")
    var bytes = [UInt8](repeating: 0, count: 20)
    #expect(read(reader, &bytes, 20) == 7 && bytes.starts(with: Array("through".utf8)))
    #expect(status("fifo").st_mode & S_IFMT == S_IFIFO && names == ["fifo"])
  }

  @Test func anOpenFileIsWrittenWhereItStands() throws {
    let descriptor = open(folder.file("log"), O_RDWR | O_CREAT, 0o600)
    defer { close(descriptor) }
    #expect(write(descriptor, "before ", 7) == 7)
    try WholeFile.write(Data("after".utf8), to: "/dev/fd/\(descriptor)")
    #expect(symlink("/proc/self/fd/\(descriptor)", folder.file("link")) == 0)
    try put(" that", "link")
    #expect(try text("log") == "before after that")
  }

  @Test(.enabled(if: getuid() == 0, "only root makes devices")) func aDeviceStaysADevice() throws {
    try #require(mknod(folder.file("sink"), S_IFCHR | 0o666, 1 << 8 | 3) == 0)
    try #require(mknod(folder.file("full"), S_IFCHR | 0o666, 1 << 8 | 7) == 0)
    // A file system may refuse devices.
    let probe = open(folder.file("sink"), O_WRONLY)
    guard probe >= 0 else { return }
    close(probe)
    try put("gone", "sink")
    let full = #expect(throws: FileFormatError.self) { try put("text", "full") }
    #expect(full?.reason == "cannot be written: No space left on device")
    for name in ["sink", "full"] { #expect(status(name).st_mode & S_IFMT == S_IFCHR) }
    #expect(names == ["full", "sink"])
  }

  @Test func whatCannotBeWrittenIsSaidSoBeforeAndAfter() throws {
    mkdir(folder.file("sub"), 0o777)
    symlink("circle", folder.file("circle"))
    symlink("sub", folder.file("link"))
    for (name, part) in [
      ("sub", "this is a folder"), ("link", "this is a folder"), ("circle", "symbolic links"),
      ("none/a", "No such file or directory"), ("none/", "No such file or directory"),
    ] {
      let written = #expect(throws: FileFormatError.self) { try put("x", name) }
      #expect(
        written?.reason.contains(part) == true && written?.file == folder.file(name), "\(name) \(written!)")
      #expect(throws: FileFormatError.self) { try WholeFile.check(folder.file(name)) }
    }
    #expect(names == ["circle", "link", "sub"])
    #expect(throws: Never.self) { try WholeFile.check(folder.file("a")) }
    #expect(names == ["circle", "link", "sub"], "a check makes nothing")
  }

  @Test func theLongestNamesCanBeWritten() throws {
    for count in [200, 240, 255] {
      let name = String(repeating: "n", count: count)
      try put("x", name)
      try put("y", name)
      #expect(try text(name) == "y")
    }
    #expect(names.count == 3)
  }
}
