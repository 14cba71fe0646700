/// Bytes for a person, in decimal units as download pages give them: "812 bytes", "9.9 MB".
package func byteCountText(_ count: Int) -> String {
  if count < 1000 { return count == 1 ? "1 byte" : "\(count) bytes" }
  var (value, unit) = (Double(count) / 1000, 0)
  while value >= 999.5 && unit < 3 {
    value /= 1000
    unit += 1
  }
  let tenths = Int((value * 10).rounded())
  let number = tenths < 1000 ? "\(tenths / 10).\(tenths % 10)" : "\(Int(value.rounded()))"
  return "\(number) \(["kB", "MB", "GB", "TB"][unit])"
}
