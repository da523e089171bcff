/// What to generate, and where to.
struct Arguments {
  static let usage = """
    usage: latchkey-protogen --descriptors FILE --module NAME --c-module NAME OUTPUT... [--import NAME]... PROTO...
      OUTPUT: --messages DIR | --stubs DIR | --c DIR | --stripped FILE | --routes FILE | --openapi FILE
    Writes what is made of the PROTO files, which must be in the descriptor set FILE that
    `protoc --descriptor_set_out --include_imports --include_source_info` wrote. The folders must be there.
    """

  var descriptors = ""
  var module = ""
  var cModule = ""
  /// Modules with messages that the files use.
  var imports: [String] = []
  var messages: String?
  var stubs: String?
  var c: String?
  var stripped: String?
  var routes: String?
  var openAPI: String?
  var files: [String] = []

  init(_ arguments: [String]) throws(Failure) {
    var remaining = arguments[...]
    while let argument = remaining.popFirst() {
      guard argument.hasPrefix("--") else {
        files.append(argument)
        continue
      }
      guard let value = remaining.popFirst() else { throw Failure(Self.usage) }
      switch argument {
      case "--descriptors": descriptors = value
      case "--module": module = value
      case "--c-module": cModule = value
      case "--import": imports.append(value)
      case "--messages": messages = value
      case "--stubs": stubs = value
      case "--c": c = value
      case "--stripped": stripped = value
      case "--routes": routes = value
      case "--openapi": openAPI = value
      default: throw Failure(Self.usage)
      }
    }
    guard !descriptors.isEmpty, !module.isEmpty, !cModule.isEmpty, !files.isEmpty else {
      throw Failure(Self.usage)
    }
  }
}
