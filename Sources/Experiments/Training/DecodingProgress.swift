import Basics
import Datasets
import Foundation

extension ProgressLine {
  /// Shows how far image files are decoded. A signal that asks the run to stop ends the decoding.
  package var imageFolderReport: ImageFolderReport {
    { event in
      try Interruption.check()
      switch event {
      case .note(let text): self.print(text)
      case .decoding(let done, let total, let left):
        self.update(
          "decoding images \(done)/\(total)\(done == 0 || done == total ? "" : ", \(duration(left)) left")")
      }
    }
  }
}
