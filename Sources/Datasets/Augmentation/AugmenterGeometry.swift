/// From a store's image to a view's size.
extension Augmenter {
  typealias Crop = (x: Float, y: Float, width: Float, height: Float)

  /// The image as it is where a view has its size; else the centre of the scaled image.
  func takeWhole(
    _ image: UnsafePointer<UInt8>, flips: Bool, into view: UnsafeMutablePointer<Float>,
    _ scratch: UnsafeMutablePointer<Float>
  ) {
    if viewHeight == height && viewWidth == width { return copy(image, flips: flips, into: view) }
    // Views of another size are square.
    let shorter = max(viewWidth, Int((Double(viewWidth) * 256 / 224).rounded()))
    let (across, down) =
      width > height
      ? (shorter * width / height, shorter) : (shorter, shorter * height / width)
    func offset(_ whole: Int) -> Int { Int((Double(whole - viewWidth) / 2).rounded(.toNearestOrEven)) }
    filter(
      image,
      (
        LineFilter(
          length: Double(width), wholeTargets: across, offset: offset(across), targets: viewWidth,
          isMirrored: flips, words: scratch),
        LineFilter(
          length: Double(height), wholeTargets: down, offset: offset(down), targets: viewHeight,
          words: scratch + horizontalWords)
      ), into: view, scratch)
  }

  // MARK: - Antialiased

  private var horizontalWords: Int {
    wholeVectors(LineFilter.wordCount(length: Double(width), wholeTargets: viewWidth, targets: viewWidth))
  }
  private var verticalWords: Int {
    wholeVectors(LineFilter.wordCount(length: Double(height), wholeTargets: viewHeight, targets: viewHeight))
  }
  private func wholeVectors(_ words: Int) -> Int { (words + 3) / 4 * 4 }

  var filterScratchCount: Int {
    let taps = LineFilter.taps(length: Double(height), targets: viewHeight)
    return horizontalWords + verticalWords
      + PlaneScaler.wordCount(width: width, targets: viewWidth, taps: taps)
  }

  /// A crop that is larger than the view.
  func filter(
    _ image: UnsafePointer<UInt8>, _ crop: Crop, flips: Bool, into view: UnsafeMutablePointer<Float>,
    _ scratch: UnsafeMutablePointer<Float>
  ) {
    filter(
      image,
      (
        LineFilter(
          start: Int(crop.x), length: Double(crop.width), wholeTargets: viewWidth, targets: viewWidth,
          isMirrored: flips, words: scratch),
        LineFilter(
          start: Int(crop.y), length: Double(crop.height), wholeTargets: viewHeight, targets: viewHeight,
          words: scratch + horizontalWords)
      ), into: view, scratch)
  }

  private func filter(
    _ image: UnsafePointer<UInt8>, _ filters: (across: LineFilter, down: LineFilter),
    into view: UnsafeMutablePointer<Float>, _ scratch: UnsafeMutablePointer<Float>
  ) {
    for channel in 0..<channels {
      var scaler = PlaneScaler(
        Plane(image + channel * height * width, rowBytes: width), across: filters.across, down: filters.down,
        words: scratch + horizontalWords + verticalWords)
      for y in 0..<viewHeight {
        let row = scaler.row(y)
        let target = view + (channel * viewHeight + y) * viewWidth
        for x in 0..<viewWidth { target[x] = row[x] * (1 / 255) }
      }
    }
  }

  // MARK: - Bilinear

  /// Bilinear, pixel centres at halves, edges repeated.
  func resample(
    _ image: UnsafePointer<UInt8>, _ crop: Crop, flips: Bool,
    into view: UnsafeMutablePointer<Float>, _ scratch: UnsafeMutablePointer<Float>
  ) {
    let (left, right, share) = (scratch, scratch + viewWidth, scratch + 2 * viewWidth)
    for x in 0..<viewWidth {
      let place = axisPlace(flips ? viewWidth - 1 - x : x, crop.x, crop.width / Float(viewWidth), crop.width)
      left[x] = Float(place.low)
      right[x] = Float(place.high)
      share[x] = place.share
    }
    for channel in 0..<channels {
      // A crop is mostly enlarged, so neighbouring target rows share source rows: two are kept, already at the
      // target's width.
      var (above, below) = (scratch + 3 * viewWidth, scratch + 4 * viewWidth)
      var (rowAbove, rowBelow) = (-1, -1)
      func stretch(_ row: Int, into target: UnsafeMutablePointer<Float>) {
        let source = image + (channel * height + row) * width
        for x in 0..<viewWidth {
          let (l, r) = (Float(source[Int(left[x])]), Float(source[Int(right[x])]))
          target[x] = l + share[x] * (r - l)
        }
      }
      for y in 0..<viewHeight {
        let row = axisPlace(y, crop.y, crop.height / Float(viewHeight), crop.height)
        if row.low != rowAbove {
          if row.low == rowBelow {
            swap(&above, &below)
            rowBelow = rowAbove
          } else {
            stretch(row.low, into: above)
          }
          rowAbove = row.low
        }
        if row.high != rowBelow {
          stretch(row.high, into: below)
          rowBelow = row.high
        }
        let target = view + (channel * viewHeight + y) * viewWidth
        for x in 0..<viewWidth { target[x] = (above[x] + row.share * (below[x] - above[x])) * (1 / 255) }
      }
    }
  }

  /// The two source pixels of a target pixel along one axis, within the crop, and the share of the second.
  private func axisPlace(_ target: Int, _ start: Float, _ scale: Float, _ length: Float) -> (
    low: Int, high: Int, share: Float
  ) {
    let source = min(max((Float(target) + 0.5) * scale - 0.5, 0), length - 1)
    let low = source.rounded(.down)
    let high = min(low + 1, length - 1)
    return (Int(start + low), Int(start + high), source - low)
  }

  private func copy(_ image: UnsafePointer<UInt8>, flips: Bool, into view: UnsafeMutablePointer<Float>) {
    for row in 0..<channels * height {
      let (source, target) = (image + row * width, view + row * width)
      if flips {
        for x in 0..<width { target[x] = Float(source[width - 1 - x]) * (1 / 255) }
      } else {
        for x in 0..<width { target[x] = Float(source[x]) * (1 / 255) }
      }
    }
  }
}
