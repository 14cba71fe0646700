import ArgumentParser
import Basics
import ContrastiveLosses
import Experiments
import Foundation

/// Paths in arguments; an empty one is refused, with the option's name.
extension UserPath: ExpressibleByArgument {
  package init?(argument: String) {
    guard !argument.isEmpty else { return nil }
    self.init(argument)
  }
}

extension ContrastiveLoss: ExpressibleByArgument {
  public init?(argument: String) { self.init(name: argument) }
}
extension ContrastiveLayout: ExpressibleByArgument {}
