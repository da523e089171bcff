internal import Messages
internal import Primitives

/// A license that is about to be added.
struct NewLicense: Sendable {
  var id: UUID
  /// The license with its policy and without its key, which says whether the key is stored.
  var license: License
  var product: UUID
  var policy: UUID
  /// Entitlements of its own.
  var entitlements: [UUID]
  var secrets: LicenseSecrets

  /// Puts together what is to be added.
  init(
    id: UUID,
    license: License,
    product: UUID,
    policy: UUID,
    entitlements: [UUID],
    secrets: LicenseSecrets
  ) {
    self.id = id
    self.license = license
    self.license.keyStored = secrets.sealedKey != nil
    self.product = product
    self.policy = policy
    self.entitlements = entitlements
    self.secrets = secrets
  }
}
