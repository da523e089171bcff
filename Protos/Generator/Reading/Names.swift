/// How names of contracts are written in Swift, in C and in JSON.
enum Names {
  /// `expires_at`, `LICENSE_EXPIRED` -> `expiresAt`, `licenseExpired`.
  static func lowerCamel(_ name: String) -> String {
    let words = name.lowercased().split(separator: "_")
    guard let first = words.first else { return name }
    return String(first) + words.dropFirst().map(capitalised).joined()
  }

  /// `ValidateKey` -> `validateKey`; for names of methods.
  static func lowerFirst(_ name: String) -> String {
    name.prefix(1).lowercased() + name.dropFirst()
  }

  /// `LicenseStatus` -> `LICENSE_STATUS_`: what values of an enum may begin with.
  static func valuePrefix(_ enumeration: String) -> String {
    underscored(enumeration).uppercased() + "_"
  }

  /// As an identifier of Swift: in backticks where it is a keyword.
  static func swift(_ name: String) -> String {
    swiftKeywords.contains(name) ? "`\(name)`" : name
  }

  /// protoc-c's name of a message's or enum's C type: `Latchkey__Rpc__V1__Caller`.
  static func cType(_ fullName: String) -> String {
    fullName.split(separator: ".").map { piece in
      piece.split(separator: "_").map(capitalised).joined()
    }.joined(separator: "__")
  }

  /// The prefix of protoc-c's functions for a message: `latchkey__rpc__v1__caller`.
  static func cFunction(_ fullName: String) -> String {
    fullName.split(separator: ".").map { underscored(String($0)) }.joined(separator: "__")
  }

  /// protoc-c's name of a field: it appends an underscore to words that C++ keeps for itself.
  static func cField(_ name: String) -> String {
    cppKeywords.contains(name) ? name + "_" : name
  }

  /// `latchkey/rpc/rpc.proto` -> `latchkey/rpc/rpc`.
  static func withoutExtension(_ file: String) -> String {
    file.hasSuffix(".proto") ? String(file.dropLast(".proto".count)) : file
  }

  /// `latchkey/rpc/rpc.proto` -> `LatchkeyRpcRpc`: the name of what is made of a file.
  static func fileName(_ file: String) -> String {
    withoutExtension(file).split { $0 == "/" || $0 == "_" || $0 == "-" }.map(capitalised).joined()
  }

  private static func capitalised(_ word: Substring) -> String {
    word.prefix(1).uppercased() + word.dropFirst()
  }

  /// As protoc-c does it: an underscore before an upper-case letter that follows another kind of character.
  private static func underscored(_ name: String) -> String {
    var result = ""
    var wasUpper = true
    for character in name {
      if character.isUppercase, !wasUpper { result += "_" }
      wasUpper = character.isUppercase
      result += character.lowercased()
    }
    return result
  }

  private static let swiftKeywords: Set<String> = [
    "as", "associatedtype", "break", "case", "catch", "class", "continue", "default", "defer",
    "deinit", "do", "else", "enum", "extension", "fallthrough", "false", "fileprivate", "for",
    "func", "guard", "if", "import", "in", "inout", "internal", "is", "let", "nil", "operator",
    "precedencegroup", "private", "protocol", "public", "repeat", "rethrows", "return", "static",
    "struct", "subscript", "super", "switch", "throw", "throws", "true", "try", "typealias", "var",
    "where", "while",
  ]

  private static let cppKeywords: Set<String> = [
    "and", "and_eq", "asm", "auto", "bitand", "bitor", "bool", "break", "case", "catch", "char",
    "class", "compl", "const", "const_cast", "continue", "default", "delete", "do", "double",
    "dynamic_cast", "else", "enum", "explicit", "extern", "false", "float", "for", "friend", "goto",
    "if", "inline", "int", "long", "mutable", "namespace", "new", "not", "not_eq", "operator", "or",
    "or_eq", "private", "protected", "public", "register", "reinterpret_cast", "return", "short",
    "signed", "sizeof", "static", "static_cast", "struct", "switch", "template", "this", "throw",
    "true", "try", "typedef", "typeid", "typename", "union", "unsigned", "using", "virtual", "void",
    "volatile", "wchar_t", "while", "xor", "xor_eq",
  ]
}
