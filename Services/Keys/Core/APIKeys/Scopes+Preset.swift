internal import Messages

extension Scopes {
  /// The least that a common purpose needs.
  ///
  /// Customers belong to licenses, and so do their scopes. A key for validation reads nothing: whose key it validates is
  /// told in the answer, and it may ask for explanations.
  init(_ preset: CreateApiKeyRequest.Preset) {
    self =
      switch preset {
      case .validateOnly: .only([Self.validating])
      case .readOnly:
        .only(Self.known.filter { $0.hasSuffix(":read") && !Self.overseeing.contains($0) })
      case .fulfilment:
        .only([
          "licenses:read", "licenses:write", "products:read", "policies:read", "entitlements:read",
        ])
      }
  }

  /// What concerns those who run the account, and not what it sells.
  private static let overseeing = ["signing:read", "keys:read", "audit:read"]
}
