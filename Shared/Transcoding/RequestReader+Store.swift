internal import CProtobufC
internal import Glibc
internal import Protobuf

extension RequestReader {
  /// Says that a singular field has a value; strings and messages say so by their pointer.
  func markPresent(_ field: FieldSchema, in message: UnsafeMutablePointer<ProtobufCMessage>) {
    switch field.type {
    case PROTOBUF_C_TYPE_STRING, PROTOBUF_C_TYPE_MESSAGE: break
    default:
      UnsafeMutableRawPointer(message)
        .storeBytes(of: 1, toByteOffset: field.quantifierOffset, as: protobuf_c_boolean.self)
    }
  }

  /// Stores an integer if the field's type can hold it.
  mutating func store(
    _ number: Int64,
    to place: UnsafeMutableRawPointer,
    _ field: FieldSchema
  ) -> Bool {
    switch field.type {
    case PROTOBUF_C_TYPE_INT32, PROTOBUF_C_TYPE_SINT32, PROTOBUF_C_TYPE_SFIXED32:
      guard fits(number, Int64(Int32.min)...Int64(Int32.max)) else { return false }
      place.storeBytes(of: Int32(truncatingIfNeeded: number), as: Int32.self)
    case PROTOBUF_C_TYPE_UINT32, PROTOBUF_C_TYPE_FIXED32:
      guard fits(number, 0...Int64(UInt32.max)) else { return false }
      place.storeBytes(of: UInt32(truncatingIfNeeded: number), as: UInt32.self)
    case PROTOBUF_C_TYPE_UINT64, PROTOBUF_C_TYPE_FIXED64:
      guard fits(number, 0...Int64.max) else { return false }
      place.storeBytes(of: number, as: Int64.self)
    case PROTOBUF_C_TYPE_DOUBLE, PROTOBUF_C_TYPE_FLOAT:
      return store(Double(number), to: place, field)
    default:
      place.storeBytes(of: number, as: Int64.self)
    }
    return true
  }

  /// Stores a number with a fraction if the field's type can hold it.
  mutating func store(
    _ number: Double,
    to place: UnsafeMutableRawPointer,
    _ field: FieldSchema
  ) -> Bool {
    guard field.type == PROTOBUF_C_TYPE_FLOAT else {
      place.storeBytes(of: number, as: Double.self)
      return true
    }
    let single = Float(number)
    guard single.isFinite else {
      issues.add(number < 0 ? .tooSmall : .tooBig, "Must be a number of single precision")
      return false
    }
    place.storeBytes(of: single, as: Float.self)
    return true
  }

  /// Stores a copy of bytes.
  mutating func store(_ bytes: UnsafeRawBufferPointer, to place: UnsafeMutableRawPointer) {
    let copy = copy(bytes).bindMemory(to: UInt8.self, capacity: bytes.count)
    place.storeBytes(
      of: ProtobufCBinaryData(len: bytes.count, data: copy),
      as: ProtobufCBinaryData.self
    )
  }

  /// Fills the repeated string that lists the names present in a body.
  mutating func set(
    names: [[UInt8]],
    in message: UnsafeMutablePointer<ProtobufCMessage>,
    _ field: FieldSchema
  ) {
    guard !names.isEmpty else { return }
    let items = allocate(bytes: names.count * field.stride)
    for (index, name) in names.enumerated() {
      let copy = name.withUnsafeBytes { self.copy($0) }
      items.storeBytes(
        of: copy,
        toByteOffset: index * field.stride,
        as: UnsafeMutableRawPointer.self
      )
    }
    let base = UnsafeMutableRawPointer(message)
    base.storeBytes(of: items, toByteOffset: field.offset, as: UnsafeMutableRawPointer.self)
    base.storeBytes(of: names.count, toByteOffset: field.quantifierOffset, as: Int.self)
  }

  private mutating func fits(_ number: Int64, _ range: ClosedRange<Int64>) -> Bool {
    if number < range.lowerBound {
      issues.add(.tooSmall, "Must be at least \(range.lowerBound)")
      return false
    }
    if number > range.upperBound {
      issues.add(.tooBig, "Must be at most \(range.upperBound)")
      return false
    }
    return true
  }

  /// Takes zeroed memory for a part of the message.
  ///
  /// What a request may need is bounded before (``JSONLimits``, and the size of its text), far below what
  /// the arena gives.
  func allocate(bytes: Int) -> UnsafeMutableRawPointer {
    guard let memory = arena.allocate(bytes: bytes) else {
      fatalError("A request needs more memory than its limits allow.")
    }
    memset(memory, 0, bytes)
    return memory
  }

  /// Copies a string and ends it with NUL, as C reads it.
  func copy(_ utf8: UnsafeRawBufferPointer) -> UnsafeMutableRawPointer {
    let copy = allocate(bytes: utf8.count + 1)
    if let base = utf8.baseAddress { copy.copyMemory(from: base, byteCount: utf8.count) }
    return copy
  }
}
