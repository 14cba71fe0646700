import ArgumentParser
import Basics
import Datasets
import Experiments
import Foundation
import Reports

struct DataCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "data",
    abstract: "Shows which data sets are there, what is in them, and pictures of them.",
    discussion: """
      Without a name: a table of every data set that can be read. With a name: everything about it, or what to get from where. Data sets \
      that are missing are said to be so; one that is damaged is told with its file and byte, one that is unusable (too few \
      images, a cache that cannot be written) with what to do, and the code is then 1.

      --preview draws a contact sheet: a row of training images for each stratum, under the name of its class, with the number of \
      images that it has. With --augmented, each image is followed by its two views as the encoder sees them, turned back into \
      colours. The views are those of the paper, or those of an experiment named with --config.

      EXAMPLES
        spread-exp data --data ~/data
        spread-exp data cifar100-coarse-u --strata
        spread-exp data cifar10-coarse --preview cifar10.png --count 16
        spread-exp data mnist --augmented --config mnist-coarse --preview views.png --seed 3
      """)

  @Argument(help: "A data set, such as cifar10-coarse; none: all.")
  var name: String?

  @Option(
    help: ArgumentHelp(
      "Where data sets are (default: the environment variable SPREAD_DATA).", valueName: "folder"))
  var data: UserPath?

  @Flag(help: "List every class and stratum, however many.")
  var strata = false

  @Flag(help: "Go on without the damaged images of a folder, as data.skipDamaged does in an experiment.")
  var skipDamaged = false

  @Option(help: ArgumentHelp("Draw a contact sheet of the data set into this file.", valueName: "file.png"))
  var preview: UserPath?

  @Flag(help: "--preview: beside each image its two views.")
  var augmented = false

  @Option(
    help: ArgumentHelp(
      "--augmented: the experiment whose views are shown, a file or a name as for `train`.", valueName: "file"
    ))
  var config: UserPath?

  @Option(help: "--augmented: the experiment's profile.")
  var profile: String?

  @Option(help: "--preview: chooses images and views.")
  var seed = 0

  @Option(help: "--preview: images of each stratum (default: 10, with --augmented 4).")
  var count: Int?

  @Flag(help: "Print JSON: an array of data sets, every stratum listed.")
  var json = false

  func validate() throws {
    guard preview == nil || name != nil else {
      throw ValidationError("--preview needs the name of a data set")
    }
    guard !augmented || preview != nil else { throw ValidationError("--augmented goes with --preview") }
    guard config == nil || augmented else { throw ValidationError("--config goes with --augmented") }
    guard profile == nil || config != nil else { throw ValidationError("--profile goes with --config") }
    guard (1...100).contains(count ?? 1) else { throw ValidationError("--count must be in 1...100") }
    guard seed >= 0 else { throw ValidationError("--seed must not be negative") }
    if let name, Catalogue.task(name) == nil {
      throw ValidationError(DatasetReport.unknown(name))
    }
  }

  func run() throws {
    if let preview { try WholeFile.check(preview.path) }
    var reports: [DatasetReport] = []
    try DatasetReport.each(
      name.map { [$0] } ?? [], in: data?.path ?? DataSettings.folderOfEnvironment, skipsDamaged: skipDamaged,
      progress: ProgressLine()
    ) { report, splits in
      reports.append(report)
      if let preview, let splits { try draw(splits.training, to: preview.path) }
    }
    if json {
      try StandardOutput.json(DatasetReport.json(reports))
    } else if name != nil {
      for report in reports { try StandardOutput.write(report.details(listsStrata: strata)) }
    } else {
      try StandardOutput.write(DatasetReport.table(reports))
      if strata {
        for report in reports where report.contents != nil {
          try StandardOutput.write("\n" + report.details(listsStrata: true))
        }
      }
    }
    let isUseless =
      reports.contains { $0.state == .damaged || $0.state == .unusable }
      || preview != nil && reports.contains { $0.state != .found }
    if isUseless { throw ExitCode.failure }
  }

  private func draw(_ dataset: ImageDataset, to file: String) throws {
    var views: Augmentation?
    if augmented {
      views =
        try config.map { try DatasetReport.views(of: $0.path, profile: profile) }
        ?? (dataset.store.channels == 3 ? .colour : .paperDigits)
    }
    let sheet = ContactSheet(
      dataset, count: count ?? (augmented ? 4 : 10), seed: UInt64(seed), augmentation: views,
      viewSize: name.flatMap { Catalogue.task($0) }?.source.viewSize)
    try sheet.write(to: file)
    let rest = sheet.leftOut == 0 ? "" : "; \(sheet.leftOut) more did not fit"
    // Standard output is the table's or JSON's.
    StandardError.line("\(file): \(sheet.width) x \(sheet.height) pixels, \(sheet.rows.count) strata\(rest)")
  }
}
