internal import Messages
internal import Primitives

/// A license that is about to be added.
struct NewLicense: Sendable {
  var id: UUID
  /// The license with its policy and without its key.
  var license: License
  var product: UUID
  var policy: UUID
  /// Entitlements of its own.
  var entitlements: [UUID]
  var secrets: LicenseSecrets
}
