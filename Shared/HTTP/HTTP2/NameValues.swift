internal import CNGHTTP2

extension StaticString {
  /// The text's bytes, which live as long as the process.
  var span: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: utf8Start, count: utf8CodeUnitCount)
  }
}

extension nghttp2_nv {
  /// A field whose bytes nghttp2 copies during the call that takes it, unless they live as long as the process.
  init(
    _ name: UnsafeRawBufferPointer,
    _ value: UnsafeRawBufferPointer,
    isNameStatic: Bool = false,
    isOneOff: Bool = false
  ) {
    var flags = NGHTTP2_NV_FLAG_NONE.rawValue
    if isNameStatic { flags |= NGHTTP2_NV_FLAG_NO_COPY_NAME.rawValue }
    if isOneOff { flags |= NGHTTP2_NV_FLAG_NO_INDEX.rawValue }
    self.init(
      name: UnsafeMutablePointer(
        mutating: name.baseAddress?.assumingMemoryBound(to: UInt8.self)
      ),
      value: UnsafeMutablePointer(
        mutating: value.baseAddress?.assumingMemoryBound(to: UInt8.self)
      ),
      namelen: name.count,
      valuelen: value.count,
      flags: UInt8(flags)
    )
  }

  /// A field whose name lives as long as the process.
  init(_ name: StaticString, _ value: UnsafeRawBufferPointer) {
    self.init(name.span, value, isNameStatic: true)
  }
}

extension HeaderFields {
  /// Lends the fields, after up to four others, in the form that nghttp2 takes.
  ///
  /// Optionals, and not an array, as this runs twice a request and must not allocate.
  ///
  /// `sent` are the one-off names that the connection has sent; nil takes all for known.
  func withNameValues<T>(
    _ first: nghttp2_nv? = nil,
    _ second: nghttp2_nv? = nil,
    _ third: nghttp2_nv? = nil,
    _ fourth: nghttp2_nv? = nil,
    sent: SentNames? = nil,
    _ body: (UnsafeBufferPointer<nghttp2_nv>) -> T
  ) -> T {
    withUnsafeTemporaryAllocation(of: nghttp2_nv.self, capacity: 4 + count) { values in
      var prefixCount = 0
      func prepend(_ value: nghttp2_nv?) {
        guard let value else { return }
        values.initializeElement(at: prefixCount, to: value)
        prefixCount += 1
      }
      prepend(first)
      prepend(second)
      prepend(third)
      prepend(fourth)
      return storage.withUnsafeBytes { bytes in
        for (index, entry) in entries.enumerated() {
          let name = entry.name(in: bytes)
          let isFirst = entry.isOneOff && !entry.isSecret && sent?.isFirst(name) ?? false
          values.initializeElement(
            at: prefixCount + index,
            to: nghttp2_nv(
              name,
              bytes.part(entry.value),
              isNameStatic: entry.nameAddress != 0,
              isOneOff: entry.isOneOff && !isFirst
            )
          )
        }
        return body(UnsafeBufferPointer(rebasing: values[..<(prefixCount + count)]))
      }
    }
  }
}
