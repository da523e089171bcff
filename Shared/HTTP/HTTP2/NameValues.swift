internal import CNGHTTP2

extension StaticString {
  /// The text's bytes, which live as long as the process.
  var span: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: utf8Start, count: utf8CodeUnitCount)
  }
}

extension nghttp2_nv {
  /// A field whose bytes nghttp2 copies during the call that takes it.
  init(_ name: UnsafeRawBufferPointer, _ value: UnsafeRawBufferPointer) {
    self.init(
      name: UnsafeMutablePointer(
        mutating: name.baseAddress?.assumingMemoryBound(to: UInt8.self)),
      value: UnsafeMutablePointer(
        mutating: value.baseAddress?.assumingMemoryBound(to: UInt8.self)),
      namelen: name.count, valuelen: value.count, flags: UInt8(NGHTTP2_NV_FLAG_NONE.rawValue))
  }
}

extension HeaderFields {
  /// Lends the fields, after those of `prefix`, in the form that nghttp2 takes.
  func withNameValues<T>(
    prefix: [nghttp2_nv], _ body: (UnsafeBufferPointer<nghttp2_nv>) -> T
  ) -> T {
    withUnsafeTemporaryAllocation(of: nghttp2_nv.self, capacity: prefix.count + count) { values in
      for (index, value) in prefix.enumerated() { values.initializeElement(at: index, to: value) }
      return storage.withUnsafeBytes { bytes in
        for (index, entry) in entries.enumerated() {
          let name = bytes[Int(entry.start)..<Int(entry.nameEnd)]
          let value = bytes[Int(entry.nameEnd)..<Int(entry.valueEnd)]
          values.initializeElement(
            at: prefix.count + index,
            to: nghttp2_nv(
              UnsafeRawBufferPointer(rebasing: name), UnsafeRawBufferPointer(rebasing: value)))
        }
        return body(UnsafeBufferPointer(values))
      }
    }
  }
}
