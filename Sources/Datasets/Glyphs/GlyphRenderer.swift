import Foundation
import Tensors

/// Draws one digit as a hand might: a variant, bent smoothly, moved and slanted, with a pen of its own.
struct GlyphRenderer {
  static let size = 28

  /// An image of `size * size` bytes, black ground, from one stream of random numbers.
  static func render(
    digit: Int, using generator: inout RandomGenerator, into image: UnsafeMutablePointer<UInt8>
  ) {
    let variants = GlyphStrokes.variants[digit]
    let strokes = variants[generator.below(variants.count)]
    let bend = Bend(using: &generator)
    let placement = Placement(using: &generator)
    let pen = Pen(using: &generator)
    var ink = [Float](repeating: 0, count: size * size)
    for stroke in strokes {
      let points = stroke.map { placement.apply(bend.apply($0)) }
      for (from, to) in zip(points, points.dropFirst()) { pen.draw(from, to, on: &ink) }
    }
    pen.finish(ink, using: &generator, into: image)
  }
}

/// A smooth displacement of the plane: the sum of a few waves longer than a stroke is wide.
private struct Bend {
  private var waves: [(frequencyX: Float, frequencyY: Float, phase: Float, x: Float, y: Float)] = []

  init(using generator: inout RandomGenerator) {
    for _ in 0..<4 {
      let strength = 0.045 * generator.normal()
      let direction = generator.uniform(0..<(2 * .pi))
      waves.append(
        (
          generator.uniform(-6..<6), generator.uniform(-6..<6), generator.uniform(0..<(2 * .pi)),
          strength * cos(direction), strength * sin(direction)
        ))
    }
  }

  func apply(_ point: Point) -> Point {
    var result = point
    for wave in waves {
      let height = sin(wave.frequencyX * point.x + wave.frequencyY * point.y + wave.phase)
      result.x += wave.x * height
      result.y += wave.y * height
    }
    return result
  }
}

/// Rotation, slant, size and place, from the glyph's box to pixels.
private struct Placement {
  private let a: Float
  private let b: Float
  private let c: Float
  private let d: Float
  private let x: Float
  private let y: Float

  init(using generator: inout RandomGenerator) {
    let angle = 0.16 * generator.normal()
    let slant = 0.22 * generator.normal() - 0.08
    let height = 18.5 * (1 + 0.10 * generator.normal())
    let width = height * 0.74 * (1 + 0.16 * generator.normal())
    (a, b) = (cos(angle) * width, (cos(angle) * slant - sin(angle)) * height)
    (c, d) = (sin(angle) * width, (sin(angle) * slant + cos(angle)) * height)
    x = 14 + 1.2 * generator.normal()
    y = 14 + 1.2 * generator.normal()
  }

  func apply(_ point: Point) -> Point {
    let (u, v) = (point.x - 0.5, point.y - 0.5)
    return Point(x: x + a * u + b * v, y: y + c * u + d * v)
  }
}

/// The width of the line, how sharp its edge is, how dark the ink.
private struct Pen {
  private let radius: Float
  private let edge: Float
  private let darkness: Float
  private let noise: Float

  init(using generator: inout RandomGenerator) {
    radius = min(max(1.15 + 0.38 * generator.normal(), 0.5), 2.4)
    edge = generator.uniform(0.5..<1.1)
    darkness = generator.uniform(0.65..<1)
    noise = generator.uniform(0..<0.10)
  }

  /// The darkest of what was drawn stays: strokes that cross do not add up.
  func draw(_ from: Point, _ to: Point, on ink: inout [Float]) {
    let size = GlyphRenderer.size
    let reach = radius + edge
    let (dx, dy) = (to.x - from.x, to.y - from.y)
    let length = max(dx * dx + dy * dy, 1e-6)
    func pixels(_ low: Float, _ high: Float) -> ClosedRange<Int>? {
      let first = max(0, Int((low - reach).rounded(.down)))
      let last = min(size - 1, Int((high + reach).rounded(.up)))
      return first <= last ? first...last : nil
    }
    guard let rows = pixels(min(from.y, to.y), max(from.y, to.y)),
      let columns = pixels(min(from.x, to.x), max(from.x, to.x))
    else { return }
    for row in rows {
      for column in columns {
        let (px, py) = (Float(column) - from.x, Float(row) - from.y)
        let t = min(max((px * dx + py * dy) / length, 0), 1)
        let (ex, ey) = (px - t * dx, py - t * dy)
        let distance = (ex * ex + ey * ey).squareRoot()
        let value = min(max((radius + edge / 2 - distance) / edge, 0), 1)
        let place = row * size + column
        if value > ink[place] { ink[place] = value }
      }
    }
  }

  func finish(_ ink: [Float], using generator: inout RandomGenerator, into image: UnsafeMutablePointer<UInt8>)
  {
    for place in ink.indices {
      let grain = noise * (generator.uniform() + generator.uniform() - 1)
      let value = ink[place] * darkness + grain
      image[place] = UInt8(min(max(value, 0), 1) * 255)
    }
  }
}
