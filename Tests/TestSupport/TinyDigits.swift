import Foundation

/// Small digit files in MNIST's form: 140 for training, 40 for the test.
///
/// Digits from 5 on have their lower half bright, the others the upper one; a stripe, whose place is the digit's, and noise
/// make the images of a class differ.
package enum TinyDigits {
  package static func write(to folder: URL) throws {
    for (part, count) in [("train", 140), ("t10k", 40)] {
      let digits = (0..<count).map { $0 % 10 }
      var pixels = Data()
      for (number, digit) in digits.enumerated() {
        for place in 0..<784 {
          let (row, column) = (place / 28, place % 28)
          let isBright = (row < 14) == (digit < 5)
          let isStripe = column / 5 == digit % 5
          pixels.append(UInt8((isBright ? 120 : 10) + (isStripe ? 80 : 0) + (place * 31 + number * 17) % 40))
        }
      }
      let length: [UInt8] = [0, 0, 0, UInt8(count)]
      let images = Data([0, 0, 8, 3] + length + [0, 0, 0, 28, 0, 0, 0, 28]) + pixels
      try images.write(to: folder.appendingPathComponent("\(part)-images-idx3-ubyte"))
      try Data([0, 0, 8, 1] + length + digits.map { UInt8($0) }).write(
        to: folder.appendingPathComponent("\(part)-labels-idx1-ubyte"))
    }
  }
}
