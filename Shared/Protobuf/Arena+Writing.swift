public import CProtobufC
import Glibc

extension Arena {
  /// An arena for messages of our own, which may be as large as memory.
  public static func forWriting() -> Arena {
    Arena(bytesMax: .max)
  }

  /// Takes uninitialised memory for `count` values.
  public func make<Value>(_: Value.Type, count: Int = 1) -> UnsafeMutablePointer<Value> {
    guard let memory = allocate(bytes: count * MemoryLayout<Value>.stride) else {
      fatalError("out of memory")
    }
    return memory.bindMemory(to: Value.self, capacity: count)
  }

  /// Copies a text and ends it with NUL.
  ///
  /// protobuf-c would cut the text at an embedded NUL, so there must be none: every text that came in was
  /// checked, and our own have none. Should one get here nevertheless, it is cut in a release build.
  public func copy(_ text: String) -> UnsafeMutablePointer<CChar> {
    // A span, since `withUTF8` wants a variable, which counts a reference.
    text.utf8Span.span.withUnsafeBufferPointer { bytes in
      let copy = make(CChar.self, count: bytes.count + 1)
      if let start = bytes.baseAddress { memcpy(copy, start, bytes.count) }
      copy[bytes.count] = 0
      assert(strlen(copy) == bytes.count, "a text with NUL cannot be sent")
      return copy
    }
  }

  /// Copies bytes.
  public func copy(_ bytes: [UInt8]) -> ProtobufCBinaryData {
    let copy = make(UInt8.self, count: bytes.count)
    bytes.withUnsafeBytes { source in
      if let start = source.baseAddress { memcpy(copy, start, source.count) }
    }
    return ProtobufCBinaryData(len: bytes.count, data: copy)
  }

  /// Copies texts into an array of strings.
  public func copy(_ texts: [String]) -> UnsafeMutablePointer<UnsafeMutablePointer<CChar>?> {
    copy(texts) { copy($0) }
  }

  /// Makes an array of messages, each of which `build` puts into this arena.
  @inlinable
  public func copyMessages<Value, Structure>(
    _ values: [Value],
    _ build: (Value) -> UnsafeMutablePointer<Structure>
  ) -> UnsafeMutablePointer<UnsafeMutablePointer<Structure>?> {
    copy(values) { build($0) }
  }

  /// Makes an array of what `write` makes of each value.
  @inlinable
  public func copy<Value, Item>(
    _ values: [Value],
    _ write: (Value) -> Item
  ) -> UnsafeMutablePointer<Item> {
    let items = make(Item.self, count: values.count)
    for index in values.indices {
      (items + index).initialize(to: write(values[index]))
    }
    return items
  }

  /// Appends the packed form of a message that was built in this arena.
  public func pack(_ message: UnsafeRawPointer, to output: inout [UInt8]) {
    let message = message.assumingMemoryBound(to: ProtobufCMessage.self)
    let count = protobuf_c_message_get_packed_size(message)
    let packed = make(UInt8.self, count: count)
    let written = protobuf_c_message_pack(message, packed)
    precondition(written == count, "a message has one size")
    output.append(contentsOf: UnsafeBufferPointer(start: packed, count: count))
  }
}
