import Foundation

/// Another program's standard output, for what is nice to know: whatever goes wrong, there is none.
package enum CommandOutput {
  /// - Parameter arguments: the program, looked for as a shell does, and what it is given.
  /// - Returns: nil where the program cannot be started (no such program, too few descriptors, processes or memory) or
  ///   does not end with status 0.
  package static func of(_ arguments: [String]) -> String? {
    var ends: [Int32] = [-1, -1]
    guard pipe(&ends) == 0 else { return nil }
    let (reading, writing) = (ends[0], ends[1])
    for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
    let process = start(arguments, output: writing)
    close(writing)
    let data = read(reading)
    close(reading)
    guard let process else { return nil }
    var status: Int32 = 0
    while waitpid(process, &status, 0) < 0 { guard errno == EINTR else { return nil } }
    return status == 0 ? String(decoding: data, as: UTF8.self) : nil
  }

  private static func start(_ arguments: [String], output: Int32) -> pid_t? {
    var actions = posix_spawn_file_actions_t()
    posix_spawn_file_actions_init(&actions)
    defer { posix_spawn_file_actions_destroy(&actions) }
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
    posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
    posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0)
    let texts = arguments.map { strdup($0) } + [nil]
    let variables = ProcessInfo.processInfo.environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
    defer { for text in texts + variables { free(text) } }
    var process: pid_t = 0
    guard posix_spawnp(&process, arguments[0], &actions, nil, texts, variables) == 0 else { return nil }
    return process
  }

  private static func read(_ descriptor: Int32) -> [UInt8] {
    var (data, chunk) = ([UInt8](), [UInt8](repeating: 0, count: 4096))
    while true {
      let count = chunk.withUnsafeMutableBytes { Foundation.read(descriptor, $0.baseAddress, $0.count) }
      if count < 0, errno == EINTR { continue }
      guard count > 0 else { return data }
      data += chunk[..<count]
    }
  }
}
