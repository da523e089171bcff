internal import CJansson
internal import Faults

/// JSON text from outside, parsed strictly: duplicate keys, bad UTF-8, embedded NUL, text after the
/// end, and anything beyond ``JSONLimits`` are refused.
///
/// It owns jansson's tree; every ``JSONValue`` taken from it must not be used after it.
struct JSONDocument: ~Copyable {
  /// The outermost value.
  let root: JSONValue

  /// Parses a whole text.
  ///
  /// - Throws: ``Fault`` `invalidArgument` with one issue whose path is empty and whose message says what
  ///   is wrong and where.
  init(parsing text: UnsafeRawBufferPointer) throws(Fault) {
    try JSONScan.check(text)
    var error = json_error_t()
    let tree = json_loadb(
      text.baseAddress?.assumingMemoryBound(to: CChar.self),
      text.count,
      Int(JSON_REJECT_DUPLICATES) | Int(JSON_DECODE_ANY),
      &error
    )
    guard let tree else { throw Self.explain(error, count: text.count) }
    root = JSONValue(borrowing: tree)
  }

  deinit { json_decref(root.tree) }

  /// The stable kinds of problem a text as a whole can have.
  enum Problem: String {
    case syntax = "invalid_json"
    case limit = "too_big"
  }

  /// The fault for a text that is refused as a whole.
  static func malformed(_ message: String, _ problem: Problem) -> Fault {
    .invalid([Fault.Issue(path: [], message: message, code: problem.rawValue)])
  }

  /// Says in our own words what jansson found; its text may quote the input, which can be a secret.
  private static func explain(_ error: json_error_t, count: Int) -> Fault {
    let what: String
    // json_error_code(): the code is kept in the last byte of the text.
    let code = withUnsafeBytes(of: error.text) { UInt32($0.last ?? 0) }
    switch code {
    case json_error_invalid_utf8.rawValue: what = "The body is not valid UTF-8"
    case json_error_premature_end_of_input.rawValue: what = "The JSON text ends too early"
    case json_error_end_of_input_expected.rawValue: what = "There is text after the JSON value"
    case json_error_null_character.rawValue, json_error_null_byte_in_key.rawValue:
      what = "The character U+0000 is not accepted"
    case json_error_duplicate_key.rawValue: what = "A name occurs twice in one object"
    case json_error_numeric_overflow.rawValue: what = "A number is too large"
    case json_error_stack_overflow.rawValue: what = "The JSON text nests too deeply"
    default: what = "The body is not valid JSON"
    }
    guard count > 0 else { return malformed("The body is empty", .syntax) }
    return malformed(
      "\(what) (line \(max(error.line, 1)), column \(max(error.column, 0)))",
      .syntax
    )
  }
}

/// One value of a ``JSONDocument``, borrowed from it.
struct JSONValue {
  /// jansson's node; the document owns it.
  fileprivate let tree: UnsafeMutablePointer<json_t>

  fileprivate init(borrowing tree: UnsafeMutablePointer<json_t>) { self.tree = tree }

  /// The kinds of JSON value; an integer is a number without fraction or exponent.
  enum Kind: String {
    case object, array, string, integer, float, boolean, null
  }

  /// Which kind this value is.
  var kind: Kind {
    switch tree.pointee.type {
    case JSON_OBJECT: .object
    case JSON_ARRAY: .array
    case JSON_STRING: .string
    case JSON_INTEGER: .integer
    case JSON_REAL: .float
    case JSON_TRUE, JSON_FALSE: .boolean
    default: .null
    }
  }

  /// Whether this value is `true`.
  var isTrue: Bool { tree.pointee.type == JSON_TRUE }

  /// The number; 0 unless it is an integer.
  var integer: Int64 { Int64(json_integer_value(tree)) }

  /// The number; 0 unless it is one.
  var number: Double { json_number_value(tree) }

  /// The bytes of the string in UTF-8, free of NUL, and valid while the document lives.
  var utf8: UnsafeRawBufferPointer {
    UnsafeRawBufferPointer(start: json_string_value(tree), count: json_string_length(tree))
  }

  /// How many elements the array has.
  var count: Int { json_array_size(tree) }

  /// An element of the array; nil past its end.
  func element(_ index: Int) -> JSONValue? {
    json_array_get(tree, index).map(JSONValue.init(borrowing:))
  }

  /// The member of that name, given as UTF-8; nil where the object has none.
  func member(named name: [UInt8]) -> JSONValue? {
    name.withUnsafeBytes { name in
      json_object_getn(tree, name.baseAddress?.assumingMemoryBound(to: CChar.self), name.count)
    }
    .map(JSONValue.init(borrowing:))
  }

  /// Calls `body` with the name and the value of each member, in the order of the text.
  func forEachMember(_ body: (UnsafeRawBufferPointer, JSONValue) -> Void) {
    var iterator = json_object_iter(tree)
    while let current = iterator {
      let name = UnsafeRawBufferPointer(
        start: json_object_iter_key(current),
        count: json_object_iter_key_len(current)
      )
      if let value = json_object_iter_value(current) { body(name, JSONValue(borrowing: value)) }
      iterator = json_object_iter_next(tree, current)
    }
  }
}

extension JSONText {
  /// Writes a parsed value again, compactly; members keep their order and numbers their value.
  mutating func value(_ value: JSONValue) {
    switch value.kind {
    case .null: null()
    case .boolean: bool(value.isTrue)
    case .integer: integer(value.integer)
    case .float: number(value.number)
    case .string: string(utf8: value.utf8)
    case .array:
      beginArray()
      for index in 0..<value.count {
        if let element = value.element(index) { self.value(element) }
      }
      endArray()
    case .object:
      beginObject()
      // The members are collected first: `self` cannot be changed from within the closure.
      var members: [(name: UnsafeRawBufferPointer, value: JSONValue)] = []
      value.forEachMember { members.append(($0, $1)) }
      for member in members {
        string(utf8: member.name)
        bytes.append(UInt8(ascii: ":"))
        self.value(member.value)
      }
      endObject()
    }
  }
}
