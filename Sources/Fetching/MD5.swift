import CCrypto

/// The MD5 digest of bytes that come in pieces, by OpenSSL's libcrypto.
///
/// MD5 is what the publishers of these data sets give. It guards against damage and mix-ups, not against
/// forgery; the mirrors are reached through TLS.
final class MD5 {
  private let context: OpaquePointer

  /// - Throws: `FetchFailure` where libcrypto is configured to offer no MD5.
  init() throws {
    guard let context = EVP_MD_CTX_new() else { throw FetchFailure(.giveUp, "libcrypto cannot be used") }
    self.context = context
    guard EVP_DigestInit_ex(context, EVP_md5(), nil) == 1 else {
      throw FetchFailure(.giveUp, "this machine's libcrypto offers no MD5 (a FIPS configuration?)")
    }
  }

  deinit { EVP_MD_CTX_free(context) }

  func update(_ bytes: UnsafeRawBufferPointer) {
    _ = EVP_DigestUpdate(context, bytes.baseAddress, bytes.count)
  }

  /// The digest of everything so far as 32 hexadecimal digits. Nothing can be added afterwards.
  func hexadecimal() -> String {
    var digest = [UInt8](repeating: 0, count: 16)
    _ = EVP_DigestFinal_ex(context, &digest, nil)
    return digest.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
  }
}
