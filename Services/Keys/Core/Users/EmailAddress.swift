/// An e-mail address as users are known by it.
///
/// The contract takes ASCII alone, so that no two addresses look alike; a domain with other letters has its `xn--` form.
struct EmailAddress: Hashable, Sendable {
  /// In lower case.
  ///
  /// By RFC 5321, section 2.4, the part before the `@` could tell cases apart; no provider does, and
  /// people type either.
  let text: String

  /// Takes an address that the contract has checked.
  init(_ typed: String) { text = typed.lowercased() }
}
