/// Stops the program with a sentence when a caller broke a rule, such as shapes that do not go together.
///
/// Swift's own `precondition` leaves its message out of optimised builds, where it is needed most.
@inline(__always)
package func require(
  _ condition: @autoclosure () -> Bool, _ message: @autoclosure () -> String, file: StaticString = #fileID,
  line: UInt = #line
) {
  if !condition() { stop(message(), file: file, line: line) }
}

@inline(never)
private func stop(_ message: String, file: StaticString, line: UInt) -> Never {
  fatalError(message, file: file, line: line)
}
