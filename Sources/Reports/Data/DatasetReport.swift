import Basics
import Datasets
import Experiments
import Foundation

/// What a data set is, as it was found: a row of `spread-exp data`.
package struct DatasetReport: Codable, Sendable, Equatable {
  /// Whether it could be read.
  package enum State: String, Codable, Sendable {
    case found, missing
    /// Something is there that is not what it should be.
    case damaged
    /// The files are sound, and cannot be used as they are: there are too few, or the cache has no place.
    case unusable
  }

  /// A class or a stratum with its images.
  package struct Group: Codable, Sendable, Equatable {
    /// Of the group, or of the task on the command line.
    package var name: String
    /// Training images.
    package var training: Int
    /// Validation images; nil where they are split from the training images.
    package var validation: Int?
    /// Test images.
    package var test: Int
    /// Whether it is a stratum that is rare by the data set's design; nil where it is not.
    package var isRare: Bool?
  }

  /// Numbers of images.
  package struct Counts: Codable, Sendable, Equatable {
    /// Training images.
    package var training: Int
    /// Nil where validation images are split from the training images.
    package var validation: Int?
    /// Test images.
    package var test: Int
  }

  /// What could be read.
  package struct Description: Codable, Sendable, Equatable {
    /// Where it came from, in a sentence.
    package var source: String
    /// Numbers of images.
    package var images: Counts
    /// 1 for grey, 3 for red, green and blue.
    package var channels: Int
    /// In pixels.
    package var height: Int
    /// In pixels.
    package var width: Int
    /// Of the training images, of values in [0, 1].
    package var mean: [Float]
    /// Of the training images, of each channel.
    package var deviation: [Float]
    /// In the order of their numbers.
    package var classes: [Group]
    /// In the order of their numbers.
    package var strata: [Group]
    /// "published", or what is different or could not be compared.
    package var check: String
    /// Whether the files are those that were published; nil: not known.
    package var isPublished: Bool?
    /// What a person should know of the data before they are used, in sentences.
    package var notes: [String] = []
    /// Damaged images that were left out; nil where none were.
    package var skippedImages: Int?
  }

  /// Of the group, or of the task on the command line.
  package var name: String
  /// As tables have it.
  package var title: String
  /// Whether it could be read.
  package var state: State
  /// Nil where it could not be read.
  package var contents: Description?
  /// What is missing or wrong.
  package var problem: String?
  /// The folders that were looked into, with their whole paths; nil where nothing is missing.
  package var searched: [String]?
  /// How to get the files, or what else to do.
  package var advice: String

  package init(
    _ task: Catalogue.Task, of source: Catalogue.Source, state: State, contents: Description? = nil,
    problem: String? = nil, searched: [String]? = nil, advice: String? = nil
  ) {
    (name, title, self.advice) = (task.name, task.title, advice ?? source.advice)
    (self.state, self.contents, self.problem, self.searched) = (state, contents, problem, searched)
  }

  private init(_ task: Catalogue.Task, of source: Catalogue.Source, failure: any Error) {
    switch failure {
    case let error as MissingDataError:
      self.init(
        task, of: source, state: .missing, problem: error.missing.joined(separator: ", "),
        searched: error.searched.map { URL(fileURLWithPath: $0).standardizedFileURL.path })
    case let error as CacheError:
      self.init(task, of: source, state: .unusable, problem: error.problem, advice: error.advice)
    case let error as UnusableDataError:
      self.init(task, of: source, state: .unusable, problem: error.problem, advice: error.advice)
    default:
      // The files of an image folder are there, and need not be got again.
      self.init(
        task, of: source, state: .damaged, problem: "\(failure)",
        advice: source.isScaled ? "Mend what is named, and give the same command again" : nil)
    }
  }
}

extension DatasetReport {
  /// Looks at data sets, each read once for all of its tasks.
  ///
  /// - Parameters:
  ///   - tasks: names of tasks; empty: all.
  ///   - folder: where data sets are
  ///   - skipsDamaged: leaves damaged images of folders out
  ///   - progress: told while image files are decoded, which happens once and may take minutes
  ///   - report: called with each as soon as it is read; the data are nil where they could not be.
  /// - Throws: `RunError` for a name that there is not. What is missing, damaged or unusable is no error but a
  ///   state.
  package static func each(
    _ tasks: [String] = [], in folder: String?, skipsDamaged: Bool = false, progress: ProgressLine? = nil,
    report: (DatasetReport, DatasetSplits?) throws -> Void
  ) throws {
    if let name = tasks.first(where: { Catalogue.task($0) == nil }) { throw RunError(unknown(name)) }
    for source in Catalogue.sources {
      let wanted = source.tasks.filter { tasks.isEmpty || tasks.contains($0.name) }
      guard !wanted.isEmpty else { continue }
      let read = Result {
        try source.read(
          folder, size: nil, skipsDamaged: skipsDamaged, report: progress?.imageFolderReport)
      }
      progress?.clear()
      for task in wanted {
        switch read {
        case .success(let splits):
          let view = task.view(splits)
          try report(
            DatasetReport(
              task, of: source, state: .found, contents: Description(view, rareStrata: task.rareStrata)), view
          )
        case .failure(let error): try report(DatasetReport(task, of: source, failure: error), nil)
        }
      }
    }
  }

  /// The sentence for a name that there is not.
  package static func unknown(_ name: String) -> String {
    let names = Catalogue.sources.flatMap { $0.tasks.map(\.name) }
    let best = nearest(to: name, among: names).map { "; nearest: \($0)" } ?? ""
    return "there is no data set \"\(name)\"\(best) (there are \(names.joined(separator: ", ")))"
  }

  /// The views of an experiment.
  /// - Parameter experiment: a file, or the name of one in `Experiments/`.
  /// - Throws: `ConfigurationError`.
  package static func views(of experiment: String, profile: String?) throws -> Augmentation {
    let file = try ExperimentFile(contentsOf: ExperimentLookup.find(experiment))
    return try file.configurations(profile: profile)[0].augmentation
  }

  /// An array of reports, keys sorted.
  package static func json(_ reports: [DatasetReport]) throws -> String {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    return String(decoding: try encoder.encode(reports), as: UTF8.self)
  }
}

extension DatasetReport.Description {
  package init(_ splits: DatasetSplits, rareStrata: [String] = []) {
    let (training, test) = (splits.training, splits.test)
    source = splits.source
    images = DatasetReport.Counts(
      training: training.count, validation: splits.validation?.count, test: test.count)
    (channels, height, width) = (training.store.channels, training.store.height, training.store.width)
    let statistics = training.channelStatistics()
    (mean, deviation) = (statistics.mean, statistics.deviation)
    classes = Self.groups(splits, training.classNames) { $0.labels }
    strata = Self.groups(splits, training.stratumNames) { $0.strata }
    for place in strata.indices where rareStrata.contains(strata[place].name) { strata[place].isRare = true }
    notes = splits.notes + test.notesOnFigures
    skippedImages = splits.skippedImages == 0 ? nil : splits.skippedImages
    switch splits.contents {
    case .published: (check, isPublished) = ("published", true)
    case .other(let difference): (check, isPublished) = (difference, false)
    case .unverified(let reason): (check, isPublished) = (reason, nil)
    }
  }

  private static func groups(
    _ splits: DatasetSplits, _ names: [String], of numbers: (ImageDataset) -> [Int]
  ) -> [DatasetReport.Group] {
    func counts(_ part: ImageDataset) -> [Int] {
      numbers(part).reduce(into: [Int](repeating: 0, count: names.count)) { $0[$1] += 1 }
    }
    let (training, test) = (counts(splits.training), counts(splits.test))
    let validation = splits.validation.map(counts)
    return names.indices.map {
      DatasetReport.Group(
        name: names[$0], training: training[$0], validation: validation?[$0], test: test[$0])
    }
  }
}
