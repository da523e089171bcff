internal import Faults

/// Which passwords are refused.
///
/// Length counts and nothing has to be mixed; what is refused is what is tried first: common passwords, the user's own
/// names, and runs. The contract asks for 12 to 256 characters.
/// Source: NIST SP 800-63B, sections 5.1.1.2 and A.2.
enum PasswordRules {
  /// Parts shorter than this say nothing about a password that contains them.
  private static let namePartCountMin = 4

  /// Makes sure that a password is not among the first that are tried.
  ///
  /// - Parameters:
  ///   - password: What the user wants.
  ///   - email: The user's address.
  ///   - field: Where the request has it.
  /// - Throws: ``Fault`` `invalidArgument` that says what to change.
  static func check(_ password: String, email: EmailAddress, field: String) throws(Fault) {
    guard let complaint = complaint(about: password, email: email) else { return }
    throw .invalid([Fault.Issue(path: [field], message: complaint, code: "custom")])
  }

  private static func complaint(about password: String, email: EmailAddress) -> String? {
    let folded = password.lowercased()
    if CommonPasswords.all.contains(folded) {
      return "Is among the most common passwords; choose another one"
    }
    let scalars = folded.unicodeScalars.map(\.value)
    if isRun(scalars) || hasPeriod(scalars) {
      return "Repeats itself or counts up; choose another one"
    }
    // What is left when the names that anybody would try are taken out must still be a password.
    var rest = folded
    for name in names(of: email) { rest = rest.replacing(name, with: "") }
    if rest.unicodeScalars.count < 8 && rest.unicodeScalars.count < scalars.count {
      return "Is little more than your address or our name; choose another one"
    }
    return nil
  }

  /// The parts of an address, the longest first, and our own name.
  private static func names(of email: EmailAddress) -> [String] {
    let parts = email.text.split { "@.+-_".contains($0) }.map(String.init)
    return ([email.text, "latchkey"] + parts).filter { $0.count >= namePartCountMin }
      .sorted { $0.count > $1.count }
  }

  /// Whether each character is the one after, or each the one before, its neighbour.
  private static func isRun(_ scalars: [UInt32]) -> Bool {
    let pairs = zip(scalars, scalars.dropFirst())
    return pairs.allSatisfy { $1 &- $0 == 1 } || pairs.allSatisfy { $0 &- $1 == 1 }
  }

  /// Whether the whole is one piece of at most four characters again and again.
  private static func hasPeriod(_ scalars: [UInt32]) -> Bool {
    (1...4).contains { period in
      scalars.indices.dropFirst(period).allSatisfy { scalars[$0] == scalars[$0 - period] }
    }
  }
}
