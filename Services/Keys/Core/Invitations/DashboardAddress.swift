internal import Cryptography

/// Where users find the dashboard, for the links that are handed to them.
///
/// A setting and never the host that a request names: whoever asks for a link must not choose where it leads.
public struct DashboardAddress: Sendable {
  private let base: String

  /// Reads an address: `https://`, a host, and a port unless it is 443; nil for anything else.
  public init?(_ text: String) {
    guard text.hasPrefix("https://"), text.utf8.count <= 255 else { return nil }
    let authority = text.dropFirst("https://".count)
    guard !authority.isEmpty,
      authority.utf8.allSatisfy({ byte in
        switch UnicodeScalar(byte) {
        case "a"..."z", "A"..."Z", "0"..."9", ".", "-", ":", "[", "]": true
        default: false
        }
      })
    else { return nil }
    base = text
  }

  /// The link by which an invitation is accepted.
  func invitation(_ token: OpaqueToken) -> String { "\(base)/invitations#\(token.text)" }

  /// The link by which a password is set.
  func passwordReset(_ token: OpaqueToken) -> String { "\(base)/password-resets#\(token.text)" }
}
