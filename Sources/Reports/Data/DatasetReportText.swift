import Basics
import Foundation

extension DatasetReport {
  /// All of them as a table, with what there is to say about each below.
  package static func table(_ reports: [DatasetReport]) -> String {
    let head = [
      "data set", "", "training", "validation", "test", "image", "classes", "strata", "images a stratum",
      "mean",
      "deviation",
    ]
    let rows = reports.map { report -> [String] in
      guard let contents = report.contents else {
        return [report.name, report.state.rawValue] + [String](repeating: "", count: 9)
      }
      let images = contents.images
      return [
        report.name, "found", grouped(images.training), images.validation.map(grouped) ?? "-",
        grouped(images.test),
        contents.imageText, grouped(contents.classes.count), grouped(contents.strata.count),
        range(contents.strata.map(\.training)), numbers(contents.mean), numbers(contents.deviation),
      ]
    }
    // What is said of several tasks of one data set is said once.
    var notes: [(text: String, names: [String])] = []
    for report in reports {
      let note = report.note
      if let place = notes.firstIndex(where: { $0.text == note }) {
        notes[place].names.append(report.name)
      } else {
        notes.append((note, [report.name]))
      }
    }
    return alignedTable([head] + rows) + "\n\n"
      + notes.map { "\($0.names.joined(separator: ", ")): \($0.text)\n" }.joined()
  }

  private var note: String {
    guard let contents else {
      switch state {
      case .missing: return "\(problem ?? "") not found. \(advice) (\(placesText))"
      case .unusable: return "unusable. \(problem ?? ""). \(advice)."
      case .damaged, .found: return "damaged. \(problem ?? "")"
      }
    }
    // The source says already how the contents differ.
    let source = contents.source + (contents.isPublished == false ? "" : " (\(contents.checkText))")
    return ([source] + contents.notes).joined(separator: ". ") + "."
  }

  /// Where missing files were looked for.
  private var placesText: String {
    guard let searched, !searched.isEmpty else { return "no data folder was named" }
    return "looked in: \(searched.joined(separator: ", "))"
  }

  /// Everything about one, its strata in full with `listsStrata`, folded to their sizes where there are many
  /// without.
  package func details(listsStrata: Bool) -> String {
    var lines = ["\(title) (\(name)): \(state.rawValue)"]
    guard let contents else {
      lines.append(state == .missing ? "not found: \(problem ?? "")" : problem ?? "")
      if state == .missing { lines.append(placesText) }
      return (lines + [advice]).joined(separator: "\n") + "\n"
    }
    let images = contents.images
    lines += [
      "source       \(contents.source)", "contents     \(contents.checkText)",
      "images       \(grouped(images.training)) training, "
        + (images.validation.map { "\(grouped($0)) validation, " } ?? "") + "\(grouped(images.test)) test"
        + (images.validation == nil ? "; validation images are split from the training images" : ""),
      "image        \(contents.imageText)",
      "mean         \(Self.numbers(contents.mean)), deviation \(Self.numbers(contents.deviation))",
    ]
    lines += contents.notes.map { "note         \($0)" } + [""]
    let fold = 24
    for (what, groups) in [("class", contents.classes), ("stratum", contents.strata)] {
      if what == "stratum" && groups == contents.classes {
        lines.append("The classes are the strata.")
      } else if groups.count <= fold || listsStrata {
        let hasValidation = images.validation != nil
        let head = [what, "training"] + (hasValidation ? ["validation"] : []) + ["test"]
        lines.append(
          alignedTable(
            [head]
              + groups.map {
                [$0.name + ($0.isRare == true ? " (rare)" : ""), grouped($0.training)]
                  + (hasValidation ? [grouped($0.validation ?? 0)] : [])
                  + [grouped($0.test)]
              }))
        lines.append("")
      } else {
        let plural = what == "class" ? "classes" : "strata"
        lines.append(
          "\(grouped(groups.count)) \(plural) of \(Self.range(groups.map(\.training))) training and "
            + "\(Self.range(groups.map(\.test))) test images; --strata lists them.")
      }
    }
    return lines.joined(separator: "\n").trimmingCharacters(in: .newlines) + "\n"
  }

  private static func range(_ counts: [Int]) -> String {
    let (least, most) = (counts.min() ?? 0, counts.max() ?? 0)
    return least == most ? grouped(least) : "\(grouped(least))-\(grouped(most))"
  }

  private static func numbers(_ values: [Float]) -> String {
    values.map { String(format: "%.4f", $0) }.joined(separator: " ")
  }
}

extension DatasetReport.Description {
  var imageText: String { "\(width) x \(height) x \(channels)" }

  var checkText: String {
    switch isPublished {
    case true: "the published contents"
    case false: check
    default: check
    }
  }
}
