/// Everything that the contracts say, in Swift values; what the writers work from.
struct Contracts {
  var files: [ContractFile] = []
  /// By full name, without the leading dot.
  var messages: [String: ContractMessageType] = [:]
  var enumerations: [String: ContractEnumeration] = [:]
}

/// One `.proto` file.
struct ContractFile {
  /// The path as imports name it, such as `latchkey/rpc/rpc.proto`.
  var name: String
  var package: String
  var imports: [String]
  var hasImplicitPresence: Bool
  var swiftPrefix: String
  /// The outermost messages and enums; nested ones are inside.
  var messages: [ContractMessageType]
  var enumerations: [ContractEnumeration]
  var services: [ContractService]
  /// The encoded file without our options and comments: what reflection serves.
  var descriptor: [UInt8]
}

/// A message type.
///
/// Shared, since rules complete what the options of methods say of its fields.
final class ContractMessageType {
  let fullName: String
  /// The name as Swift code outside of it writes it, such as `FaultDetails.Issue`.
  let swiftName: String
  let file: String
  let comment: String
  /// In the order of their numbers, which is also that of protobuf-c's descriptor.
  var fields: [ContractField]
  let messages: [ContractMessageType]
  let enumerations: [ContractEnumeration]

  init(
    fullName: String,
    swiftName: String,
    file: String,
    comment: String,
    fields: [ContractField],
    messages: [ContractMessageType],
    enumerations: [ContractEnumeration]
  ) {
    self.fullName = fullName
    self.swiftName = swiftName
    self.file = file
    self.comment = comment
    self.fields = fields
    self.messages = messages
    self.enumerations = enumerations
  }
}

/// One field of a message.
struct ContractField {
  /// What a field holds.
  enum Kind: Equatable {
    case int32, int64, uint32, uint64, float, double, bool, string, bytes
    /// Full names.
    case message(String)
    case enumeration(String)
  }

  var name: String
  var jsonName: String
  var number: Int32
  var kind: Kind
  var isRepeated: Bool
  /// Whether zero stands for absent, as in proto3.
  var isImplicit: Bool
  var comment: String
  var options: FieldOptions
}

/// What `(field)` says.
struct FieldOptions {
  enum Format: String {
    case plain, dateTime, uuid, email, json
  }

  enum Place: String {
    case body, path, query, presentNames
  }

  var isRequired = false
  var lengthMin: Int?
  var lengthMax: Int?
  var pattern: String?
  var min: Int64?
  var max: Int64?
  var itemsMin: Int?
  var itemsMax: Int?
  var format = Format.plain
  var isNeverNull = false
  var place = Place.body
  var isSecret = false
}

/// An enum.
struct ContractEnumeration {
  struct Value {
    var name: String
    var number: Int32
    /// The name in JSON.
    var wireName: String
    var comment: String
  }

  var fullName: String
  var swiftName: String
  var file: String
  var comment: String
  var values: [Value]
}

/// A service.
struct ContractService {
  var name: String
  var fullName: String
  /// The name with the file's prefix, such as `AlphaServerReflection`.
  var swiftName: String
  var comment: String
  var methods: [ContractMethod]
}

/// One method of a service.
struct ContractMethod {
  var name: String
  var comment: String
  /// Full names.
  var request: String
  var response: String
  var isRequestStreamed: Bool
  var isResponseStreamed: Bool
  var callers: [String]
  var scope: String?
  var isIdempotent: Bool
  /// Whether the server's method is given a reply in place of a task.
  var isTaskless = false
  /// Whether calls share a stream of their connection.
  var isTrunked = false
  var timeoutMilliseconds: UInt32?
  var rest: RestFace?
}

/// What `(rest)` says.
struct RestFace {
  var verb: String
  var template: String
  /// The names of Swift's cases, such as `apiKey`.
  var authentication: String
  var limit: String
  var successStatus: Int
  var isSigned: Bool
  var isEnveloped: Bool
  var requestBody: String
  var responseBody: String
  /// The JSON name of a field.
  var limitedBy: String?
  var mediaType: String?
  /// For how long anybody may keep the answer.
  var cacheSeconds: UInt32?
}
