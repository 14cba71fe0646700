import Basics
import Experiments
import Foundation

/// Lines over a common axis, in panels one below the other, as SVG: a text that browsers, editors and LaTeX's converters
/// take, and that is the same wherever it is made. (gnuplot would be another thing to install for two dozen points.)
struct LinePlot {
  /// One line.
  struct Series {
    var name: String
    /// Which colour, and which pattern of dashes.
    var colour: Int
    var dash: Int
    /// One a tick; those without a mean are left out.
    var points: [Statistics]
  }

  struct Panel {
    var title: String
    var series: [Series]
  }

  var title: String
  /// The name of the axis.
  var axis: String
  var ticks: [String]
  /// Where the ticks are; nil: at equal distances.
  var positions: [Double]?
  var panels: [Panel]

  private static let width = 760.0
  private static let panelHeight = 300.0
  private static let (left, right, top, bottom) = (64.0, 250.0, 40.0, 48.0)
  /// Told apart also by those who see few colours (Okabe and Ito 2008).
  private static let colours = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000"]
  private static let dashes = ["", "7 4", "2 3", "9 3 2 3"]

  var svg: String {
    let height = Self.panelHeight * Double(panels.count) + 24
    var lines = [
      "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"\(Self.text(Self.width))\" height=\"\(Self.text(height))\" "
        + "font-family=\"sans-serif\" font-size=\"12\">",
      "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>",
      label(title, Self.left, 18, "start", weight: "bold"),
    ]
    for (number, panel) in panels.enumerated() {
      lines.append("<g transform=\"translate(0 \(Self.text(24 + Self.panelHeight * Double(number))))\">")
      lines += draw(panel)
      lines.append("</g>")
    }
    return (lines + ["</svg>"]).joined(separator: "\n") + "\n"
  }

  private func draw(_ panel: Panel) -> [String] {
    let scale = Scale(panel.series.flatMap(\.points))
    let (floor, ceiling) = (Self.panelHeight - Self.bottom, Self.top)
    func y(_ value: Double) -> Double { floor - (floor - ceiling) * scale.share(of: value) }
    let end = Self.width - Self.right
    var lines = [label(panel.title, Self.left, ceiling - 12, "start")]
    for tick in scale.ticks {
      lines.append(line(Self.left, y(tick), end, y(tick), "#dddddd"))
      lines.append(label(scale.text(tick), Self.left - 8, y(tick) + 4, "end"))
    }
    for (place, tick) in zip(places, ticks) {
      lines.append(line(place, floor, place, floor + 5, "#444444"))
      lines.append(label(tick, place, floor + 19, "middle"))
    }
    lines.append(line(Self.left, floor, end, floor, "#444444"))
    lines.append(label(axis, (Self.left + end) / 2, floor + 38, "middle"))
    for (number, series) in panel.series.enumerated() {
      lines += draw(series, y: y)
      let legend = ceiling + 18 * Double(number)
      lines.append(
        "<line x1=\"\(Self.text(end + 14))\" y1=\"\(Self.text(legend))\" x2=\"\(Self.text(end + 42))\" y2=\"\(Self.text(legend))\" "
          + "\(stroke(series))/>")
      lines.append(label(series.name, end + 48, legend + 4, "start"))
    }
    return lines
  }

  private func draw(_ series: Series, y: (Double) -> Double) -> [String] {
    let points = zip(places, series.points).compactMap { place, point in
      point.mean.map { (x: place, mean: $0, deviation: point.deviation ?? 0) }
    }.sorted { $0.x < $1.x }
    let path = points.map { "\(Self.text($0.x)),\(Self.text(y($0.mean)))" }.joined(separator: " ")
    var lines = ["<polyline points=\"\(path)\" fill=\"none\" \(stroke(series))/>"]
    for point in points {
      lines.append(
        "<circle cx=\"\(Self.text(point.x))\" cy=\"\(Self.text(y(point.mean)))\" r=\"3\" fill=\"\(colour(series))\"/>"
      )
      // One deviation up and down.
      if point.deviation > 0 {
        lines.append(
          line(
            point.x, y(point.mean - point.deviation), point.x, y(point.mean + point.deviation), colour(series)
          ))
      }
    }
    return lines
  }

  /// Where each tick is on the page.
  private var places: [Double] {
    let positions = positions ?? ticks.indices.map(Double.init)
    let (low, high) = (positions.min() ?? 0, positions.max() ?? 1)
    let room = Self.width - Self.left - Self.right - 40
    return positions.map { Self.left + 20 + room * (high > low ? ($0 - low) / (high - low) : 0.5) }
  }

  private func colour(_ series: Series) -> String { Self.colours[series.colour % Self.colours.count] }

  private func stroke(_ series: Series) -> String {
    let dash = Self.dashes[series.dash % Self.dashes.count]
    return "stroke=\"\(colour(series))\" stroke-width=\"2\""
      + (dash.isEmpty ? "" : " stroke-dasharray=\"\(dash)\"")
  }

  private func line(_ x1: Double, _ y1: Double, _ x2: Double, _ y2: Double, _ colour: String) -> String {
    "<line x1=\"\(Self.text(x1))\" y1=\"\(Self.text(y1))\" x2=\"\(Self.text(x2))\" y2=\"\(Self.text(y2))\" stroke=\"\(colour)\"/>"
  }

  private func label(_ content: String, _ x: Double, _ y: Double, _ anchor: String, weight: String = "normal")
    -> String
  {
    let escaped = content.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(
      of: "<", with: "&lt;"
    )
    .replacingOccurrences(of: ">", with: "&gt;")
    return
      "<text x=\"\(Self.text(x))\" y=\"\(Self.text(y))\" text-anchor=\"\(anchor)\" font-weight=\"\(weight)\">\(escaped)</text>"
  }

  private static func text(_ number: Double) -> String { decimals(number, 1) }

  /// The vertical axis: round steps that hold every point with its deviation.
  struct Scale {
    let ticks: [Double]
    private let step: Double

    init(_ points: [Statistics]) {
      let bounds = points.flatMap { point in
        point.mean.map { [$0 - (point.deviation ?? 0), $0 + (point.deviation ?? 0)] } ?? []
      }.filter(\.isFinite)
      let (low, high) = (bounds.min() ?? 0, bounds.max() ?? 1)
      let span = max(high - low, 1e-3 * max(1, abs(high)))
      let power = pow(10, (log10(span / 5)).rounded(.down))
      step = ([1, 2, 5, 10].first { $0 * power >= span / 5 } ?? 10) * power
      let (from, to) = ((low / step).rounded(.down), (high / step).rounded(.up))
      ticks = stride(from: from, through: max(to, from + 1), by: 1).map { [step] in $0 * step }
    }

    func share(of value: Double) -> Double { (value - ticks[0]) / (ticks[ticks.count - 1] - ticks[0]) }

    func text(_ tick: Double) -> String {
      decimals(tick, max(0, Int((-log10(step)).rounded(.up))))
    }
  }
}
