import ArgumentParser
import Foundation
import Tensors

/// Paths in arguments; an empty one is refused, with the option's name.
extension UserPath: ExpressibleByArgument {
  package init?(argument: String) {
    guard !argument.isEmpty else { return nil }
    self.init(argument)
  }
}
