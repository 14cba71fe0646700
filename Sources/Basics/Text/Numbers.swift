import Foundation

/// A number with so many digits behind the point, whatever the locale.
package func decimals(_ number: Double, _ digits: Int) -> String { String(format: "%.\(digits)f", number) }

/// With one digit behind the point.
package func oneDecimal(_ number: Double) -> String { decimals(number, 1) }

extension String {
  /// Filled with spaces on the right.
  package func padded(to width: Int) -> String {
    count >= width ? self + " " : self + String(repeating: " ", count: width - count)
  }
}
