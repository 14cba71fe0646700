import Foundation

/// A point in a glyph's box: x to the right, y downwards, the box being [0, 1] x [0, 1].
struct Point {
  var x: Float
  var y: Float
}

/// How digits are written: for each, the ways people write it, each a list of strokes.
enum GlyphStrokes {
  /// Every digit has its variants; a variant is a list of strokes, a stroke a line through points.
  static let variants: [[[[Point]]]] = [
    [  // 0: an oval, closed or slightly open
      [ellipse(0.5, 0.5, 0.34, 0.46, -90, 270)],
      [ellipse(0.5, 0.5, 0.28, 0.46, -60, 285)],
      [ellipse(0.5, 0.5, 0.40, 0.42, -110, 262)],
    ],
    [  // 1: a bar, with a flag, with a flag and a foot
      [line(0.5, 0.04, 0.5, 0.96)],
      [line(0.30, 0.26, 0.54, 0.05) + line(0.54, 0.05, 0.54, 0.96)],
      [line(0.30, 0.26, 0.52, 0.05) + line(0.52, 0.05, 0.52, 0.95), line(0.28, 0.95, 0.76, 0.95)],
    ],
    [  // 2: a straight foot, or a loop at the turn
      [
        ellipse(0.48, 0.28, 0.32, 0.24, -165, 35) + line(0.74, 0.42, 0.16, 0.94)
          + line(0.16, 0.94, 0.86, 0.94)
      ],
      [
        curve(0.18, 0.28, 0.24, -0.08, 0.90, 0.00, 0.78, 0.36)
          + curve(0.78, 0.36, 0.70, 0.62, 0.40, 0.86, 0.24, 0.88)
          + curve(0.24, 0.88, 0.06, 0.88, 0.14, 0.68, 0.30, 0.76)
          + curve(0.30, 0.76, 0.50, 0.92, 0.70, 0.98, 0.88, 0.86)
      ],
      [
        curve(0.16, 0.22, 0.40, -0.08, 0.95, 0.06, 0.74, 0.42) + line(0.74, 0.42, 0.18, 0.92)
          + curve(0.18, 0.92, 0.4, 0.82, 0.6, 1.02, 0.86, 0.88)
      ],
    ],
    [  // 3: two bows, or a flat top
      [
        ellipse(0.46, 0.27, 0.30, 0.22, -150, 85), ellipse(0.46, 0.71, 0.34, 0.24, -85, 150),
      ],
      [
        line(0.18, 0.06, 0.78, 0.06) + line(0.78, 0.06, 0.44, 0.42)
          + ellipse(0.44, 0.69, 0.36, 0.27, -90, 150)
      ],
      [
        curve(0.20, 0.14, 0.60, -0.10, 1.00, 0.30, 0.42, 0.46)
          + curve(0.42, 0.46, 1.08, 0.50, 0.76, 1.10, 0.16, 0.86)
      ],
    ],
    [  // 4: open, closed, or with a curved arm
      [line(0.28, 0.06, 0.16, 0.58) + line(0.16, 0.58, 0.86, 0.58), line(0.68, 0.10, 0.66, 0.96)],
      [line(0.64, 0.96, 0.64, 0.05) + line(0.64, 0.05, 0.12, 0.66) + line(0.12, 0.66, 0.90, 0.66)],
      [curve(0.24, 0.08, 0.10, 0.64, 0.30, 0.60, 0.74, 0.50), line(0.76, 0.06, 0.62, 0.96)],
    ],
    [  // 5: with the bar as a second stroke, or in one
      [
        line(0.30, 0.08, 0.26, 0.44) + ellipse(0.44, 0.68, 0.34, 0.26, -125, 140),
        line(0.30, 0.08, 0.82, 0.06),
      ],
      [
        line(0.80, 0.08, 0.34, 0.10) + line(0.34, 0.10, 0.26, 0.48)
          + curve(0.26, 0.48, 0.90, 0.26, 1.00, 1.00, 0.18, 0.90)
      ],
      [
        line(0.78, 0.05, 0.36, 0.07) + curve(0.36, 0.07, 0.10, 0.58, 0.72, 0.40, 0.74, 0.68)
          + curve(0.74, 0.68, 0.72, 1.02, 0.32, 0.98, 0.18, 0.84)
      ],
    ],
    [  // 6: a bow into a loop
      [curve(0.68, 0.06, 0.34, 0.16, 0.16, 0.50, 0.20, 0.72) + ellipse(0.48, 0.71, 0.28, 0.24, 180, 540)],
      [
        curve(0.50, 0.03, 0.26, 0.30, 0.10, 0.94, 0.46, 0.95)
          + curve(0.46, 0.95, 0.94, 0.94, 0.80, 0.42, 0.24, 0.68)
      ],
      [
        curve(0.78, 0.12, 0.40, -0.06, 0.10, 0.40, 0.22, 0.76)
          + curve(0.22, 0.76, 0.36, 1.08, 0.86, 0.96, 0.76, 0.66)
          + curve(0.76, 0.66, 0.66, 0.40, 0.26, 0.52, 0.24, 0.80)
      ],
    ],
    [  // 7: plain, crossed, or curved
      [line(0.14, 0.08, 0.84, 0.08) + line(0.84, 0.08, 0.38, 0.96)],
      [line(0.14, 0.08, 0.84, 0.08) + line(0.84, 0.08, 0.40, 0.96), line(0.34, 0.50, 0.80, 0.48)],
      [
        line(0.16, 0.22, 0.18, 0.08) + line(0.18, 0.08, 0.84, 0.08)
          + curve(0.84, 0.08, 0.60, 0.36, 0.50, 0.60, 0.48, 0.96)
      ],
    ],
    [  // 8: one crossing stroke, or two loops
      [
        curve(0.76, 0.16, 0.40, -0.12, 0.06, 0.22, 0.48, 0.48)
          + curve(0.48, 0.48, 1.00, 0.76, 0.64, 1.06, 0.44, 0.95)
          + curve(0.44, 0.95, 0.06, 0.86, 0.24, 0.62, 0.50, 0.46)
          + curve(0.50, 0.46, 0.80, 0.30, 0.86, 0.20, 0.76, 0.16)
      ],
      [ellipse(0.5, 0.27, 0.25, 0.22, -90, 270), ellipse(0.5, 0.73, 0.31, 0.24, -90, 270)],
      [ellipse(0.52, 0.26, 0.22, 0.22, 100, 450), ellipse(0.48, 0.72, 0.28, 0.25, -80, 280)],
    ],
    [  // 9: a loop on a straight stem, or on a hook
      [ellipse(0.48, 0.30, 0.28, 0.25, 0, 360) + line(0.76, 0.30, 0.70, 0.96)],
      [ellipse(0.46, 0.30, 0.28, 0.25, -20, 345) + curve(0.74, 0.22, 0.80, 0.70, 0.70, 1.04, 0.24, 0.90)],
      [
        curve(0.76, 0.14, 0.40, -0.06, 0.04, 0.30, 0.30, 0.50)
          + curve(0.30, 0.50, 0.60, 0.62, 0.76, 0.30, 0.76, 0.12) + line(0.76, 0.12, 0.74, 0.96)
      ],
    ],
  ]

  private static func line(_ x0: Float, _ y0: Float, _ x1: Float, _ y1: Float) -> [Point] {
    (0...6).map { step in
      let t = Float(step) / 6
      return Point(x: x0 + t * (x1 - x0), y: y0 + t * (y1 - y0))
    }
  }

  /// Part of an ellipse, from one angle to another in degrees; 0 is to the right, 90 is down.
  private static func ellipse(
    _ x: Float, _ y: Float, _ radiusX: Float, _ radiusY: Float, _ from: Float, _ to: Float
  ) -> [Point] {
    (0...18).map { step in
      let angle = (from + Float(step) / 18 * (to - from)) * .pi / 180
      return Point(x: x + radiusX * cos(angle), y: y + radiusY * sin(angle))
    }
  }

  /// A cubic Bezier curve.
  private static func curve(
    _ x0: Float, _ y0: Float, _ x1: Float, _ y1: Float, _ x2: Float, _ y2: Float, _ x3: Float, _ y3: Float
  ) -> [Point] {
    (0...10).map { step in
      let t = Float(step) / 10
      let u = 1 - t
      let (a, b, c, d) = (u * u * u, 3 * u * u * t, 3 * u * t * t, t * t * t)
      return Point(x: a * x0 + b * x1 + c * x2 + d * x3, y: a * y0 + b * y1 + c * y2 + d * y3)
    }
  }
}
