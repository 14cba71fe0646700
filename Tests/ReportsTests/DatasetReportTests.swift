import Basics
import Datasets
import Foundation
import TestSupport
import Testing

@testable import Reports

@Suite struct DatasetReportTests {
  @Test func reportsTellWhatIsThereAndWhatIsNot() throws {
    try withFolder { folder in
      try TinyDigits.write(to: folder)
      var reports: [DatasetReport] = []
      try DatasetReport.each(["mnist", "mnist-coarse", "cifar100-coarse-u"], in: folder.path) {
        report, splits in
        #expect((splits != nil) == (report.state == .found))
        reports.append(report)
      }
      #expect(reports.map(\.name) == ["cifar100-coarse-u", "mnist", "mnist-coarse"])
      #expect(reports.map(\.state) == [.missing, .found, .found])
      let coarse = try #require(reports[2].contents)
      #expect(coarse.images == DatasetReport.Counts(training: 140, validation: nil, test: 40))
      #expect(
        coarse.classes.map(\.training) == [70, 70]
          && coarse.strata.map(\.test) == [Int](repeating: 4, count: 10))
      #expect(coarse.isPublished == false)
      let table = DatasetReport.table(reports)
      for part in [
        "| mnist-coarse ", "| 28 x 28 x 1 ", "mnist, mnist-coarse: MNIST, ",
        "cifar-100-binary.tar.gz not found",
      ] {
        #expect(table.contains(part), "\(table)")
      }
      #expect(reports[2].details(listsStrata: false).contains("| 9       | 14       | 4    |"))
      #expect(
        failure { try DatasetReport.each(["mnits"], in: nil) { _, _ in } }?.contains("nearest: mnist") == true
      )
    }
  }

  /// Wide lists fold to their sizes, and open when asked.
  @Test func manyStrataAreFolded() throws {
    let task = try #require(Catalogue.task("cifar100"))
    let groups = (0..<100).map { DatasetReport.Group(name: "s\($0)", training: 50 + $0, test: 10) }
    let contents = DatasetReport.Description(
      source: "somewhere", images: DatasetReport.Counts(training: 9950, test: 1000), channels: 3, height: 32,
      width: 32, mean: [0.5, 0.5, 0.5], deviation: [0.2, 0.2, 0.2], classes: [groups[0]], strata: groups,
      check: "published", isPublished: true)
    let report = DatasetReport(task.task, of: task.source, state: .found, contents: contents)
    #expect(report.details(listsStrata: false).contains("100 strata of 50-149 training and 10 test images"))
    #expect(!report.details(listsStrata: false).contains("s57"))
    #expect(report.details(listsStrata: true).contains("| s57 "))
  }
}
