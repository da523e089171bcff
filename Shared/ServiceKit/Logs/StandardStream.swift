internal import Glibc

/// What a process was started with to write to; the values are the descriptors.
enum StandardStream: Int32 {
  case output = 1
  case error = 2

  /// Writes bytes, in one call where the other side takes them.
  ///
  /// What cannot be written is dropped.
  func write(_ bytes: [UInt8]) {
    bytes.withUnsafeBytes { bytes in
      var rest = bytes[...]
      while !rest.isEmpty {
        let count = Glibc.write(rawValue, rest.baseAddressOfSlice, rest.count)
        if count < 0 && errno == EINTR { continue }
        guard count > 0 else { return }
        rest = rest.dropFirst(count)
      }
    }
  }
}

extension Slice<UnsafeRawBufferPointer> {
  /// Where the slice's first byte is.
  fileprivate var baseAddressOfSlice: UnsafeRawPointer? {
    UnsafeRawBufferPointer(rebasing: self).baseAddress
  }
}
