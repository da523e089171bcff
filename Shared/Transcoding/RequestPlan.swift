internal import CProtobufC
public import Faults
public import Protobuf

/// How REST requests become messages of one type, worked out once.
public final class RequestPlan: Sendable {
  /// One field and, where it is a message, how that is read.
  ///
  /// An object, as each request goes over all fields, and a copy counts a reference for each text of the schema.
  final class Field: Sendable {
    let schema: FieldSchema
    let name: [UInt8]
    let message: RequestPlan?

    init(_ schema: FieldSchema) {
      self.schema = schema
      name = Array(schema.jsonName.utf8)
      message = schema.contract.message.map(RequestPlan.init)
    }
  }

  /// What the message type is.
  let schema: MessageSchema
  /// Every field, in the schema's order.
  let fields: [Field]
  /// Positions of the fields that a JSON body carries.
  let bodyFields: [Int]
  /// The field that takes the names present in the body.
  let presentNames: Int?

  /// Works out the plan for a schema and those it contains.
  public init(_ schema: MessageSchema) {
    self.schema = schema
    fields = schema.fields.map { Field($0) }
    bodyFields = schema.fields.indices.filter { schema.fields[$0].contract.place == .body }
    presentNames = schema.fields.firstIndex { $0.contract.place == .presentNames }
  }

  /// Whether a request's body is read at all.
  public var hasBody: Bool { !bodyFields.isEmpty }

  /// The position of the field that a query parameter fills; nil for names the contract does not know.
  public func queryField(named name: [UInt8]) -> Int? {
    fields.firstIndex { $0.schema.contract.place == .query && $0.name == name }
  }

  /// Reads a request and encodes it as a message.
  ///
  /// - Parameters:
  ///   - body: The JSON text; empty when the request has none. Ignored when the contract has no use for it.
  ///   - parameters: What the path and the query carry.
  /// - Returns: The encoded message.
  /// - Throws: ``Fault`` `invalidArgument` with every issue: of the text as a whole, of types, of
  ///   constraints.
  public func encode(
    body: [UInt8],
    parameters: [RequestParameter] = []
  ) throws(Fault) -> [UInt8] {
    var reader = RequestReader()
    let message = reader.makeMessage(self)
    if hasBody, !body.isEmpty {
      let document = try body.span.withUnsafeBytes { (body) throws(Fault) in
        try JSONDocument(parsing: body)
      }
      guard document.root.kind == .object else {
        throw .invalid([RequestReader.wrongType("object", document.root)])
      }
      reader.readMembers(of: document.root, into: message, self)
    }
    reader.read(parameters, into: message, self)
    reader.issues.merge(schema.validate(UnsafePointer(message)))
    guard reader.issues.issues.isEmpty else { throw .invalid(reader.issues.issues) }
    var encoded: [UInt8] = []
    reader.arena.pack(UnsafeRawPointer(message), to: &encoded)
    return encoded
  }
}

/// One value from a request's path or query.
public struct RequestParameter: Sendable {
  /// The position of the field it fills.
  public var field: Int
  /// The decoded value, any bytes; nil where its percent-encoding was malformed.
  public var value: [UInt8]?

  /// Makes a parameter.
  public init(field: Int, value: [UInt8]?) {
    self.field = field
    self.value = value
  }
}
