internal import CProtobufC

/// What validation has to look at in one field, in plain numbers.
///
/// A ``FieldSchema`` says the same with names and references, and copying one costs a dozen reference counts;
/// validation runs for every message that is read, so it goes over these and turns to the schema only to
/// tell what is wrong.
struct FieldCheck {
  /// The position of the field in the schema.
  let index: Int
  let offset: Int
  let quantifierOffset: Int
  let stride: Int
  let type: ProtobufCType
  let isRepeated: Bool
  let isRequired: Bool
  let format: FieldContract.Format
  /// Limits; all values are within them where the contract has none.
  let lengthMin: Int
  let lengthMax: Int
  let min: Int64
  let max: Int64
  let itemsMin: Int
  let itemsMax: Int
  let hasLength: Bool
  let hasCharacters: Bool
  let characterBits: (low: UInt64, high: UInt64)
  /// Kept alive by the schema's fields.
  let message: Unmanaged<MessageSchema>?
  let enumeration: Unmanaged<EnumSchema>?

  /// What there is to check of a field; nil when any value will do.
  init?(_ field: FieldSchema) {
    let contract = field.contract
    let hasCheckedMessage = contract.message.map { !$0.checks.isEmpty } ?? false
    let hasCheckedFormat =
      switch contract.format {
      case .uuid, .email, .dateTime: true
      case .plain, .json: false
      }
    guard
      contract.isRequired || contract.enumeration != nil || contract.length != nil
        || contract.characters != nil || contract.range != nil || contract.items != nil
        || hasCheckedMessage || hasCheckedFormat
    else { return nil }
    index = field.index
    offset = field.offset
    quantifierOffset = field.quantifierOffset
    stride = field.stride
    type = field.type
    isRepeated = field.isRepeated
    // Of a list, "required" says that there is an item, which limits of items say better.
    isRequired = contract.isRequired && !(field.isRepeated && contract.items != nil)
    format = contract.format
    lengthMin = contract.length?.lowerBound ?? 0
    lengthMax = contract.length?.upperBound ?? .max
    let range = contract.range ?? (.min)...(.max)
    // The times that ISO 8601 writes with a year of four digits: 0001-01-01 to 9999-12-31.
    let times: ClosedRange<Int64> = -62_135_596_800_000...253_402_300_799_999
    min =
      contract.format == .dateTime
      ? Swift.max(range.lowerBound, times.lowerBound) : range.lowerBound
    max =
      contract.format == .dateTime
      ? Swift.min(range.upperBound, times.upperBound) : range.upperBound
    itemsMin = contract.items?.lowerBound ?? 0
    itemsMax = contract.items?.upperBound ?? .max
    hasLength = contract.length != nil
    hasCharacters = contract.characters != nil
    characterBits = contract.characters?.bits ?? (0, 0)
    message = hasCheckedMessage ? contract.message.map(Unmanaged.passUnretained) : nil
    enumeration = contract.enumeration.map(Unmanaged.passUnretained)
  }
}

extension FieldCheck {
  /// Whether a singular field has a value in this message.
  @inline(__always)
  func isPresent(in message: UnsafeRawPointer) -> Bool {
    isValuePresent(in: message, type, offset, quantifierOffset)
  }

  /// Whether the text has only characters of the class.
  func allows(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
    text.allSatisfy { CharacterClass.contains($0, characterBits) }
  }

  /// The value of an integer field; unsigned values beyond Int64 count as its largest.
  func integer(at value: UnsafeRawPointer) -> Int64? {
    switch type {
    case PROTOBUF_C_TYPE_INT32, PROTOBUF_C_TYPE_SINT32, PROTOBUF_C_TYPE_SFIXED32:
      Int64(value.load(as: Int32.self))
    case PROTOBUF_C_TYPE_UINT32, PROTOBUF_C_TYPE_FIXED32:
      Int64(value.load(as: UInt32.self))
    case PROTOBUF_C_TYPE_INT64, PROTOBUF_C_TYPE_SINT64, PROTOBUF_C_TYPE_SFIXED64:
      value.load(as: Int64.self)
    case PROTOBUF_C_TYPE_UINT64, PROTOBUF_C_TYPE_FIXED64:
      Int64(clamping: value.load(as: UInt64.self))
    default: nil
    }
  }
}
