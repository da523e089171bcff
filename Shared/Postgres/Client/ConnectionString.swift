internal import CPQ

/// What can be told of libpq's connection strings without connecting.
public enum ConnectionString {
  /// The parameters that are secrets.
  ///
  /// Source: PostgreSQL 15 manual, section 34.1.2, "Parameter Key Words".
  private static let secrets: Set<String> = ["password", "sslpassword"]

  /// Whether a string or URI can be used, and no secret is spelled out in it.
  public static func isSafe(_ text: String) -> Bool {
    guard (try? ConnectionTarget(text, password: nil)) != nil,
      let options = PQconninfoParse(text, nil)
    else { return false }
    defer { PQconninfoFree(options) }
    var option = options
    while let keyword = option.pointee.keyword {
      if option.pointee.val != nil, secrets.contains(String(cString: keyword)) { return false }
      option += 1
    }
    return true
  }
}
