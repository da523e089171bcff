internal import Primitives

/// One use of a license, to be counted in a batch.
///
/// Each is another one, so that several of one license in the same moment are several.
struct LicenseUse: Hashable, Sendable {
  var tenant: Tenant
  var license: UUID
  /// Tells uses apart.
  private var number: UInt64

  private init(_ tenant: Tenant, _ license: UUID, number: UInt64) {
    self.tenant = tenant
    self.license = license
    self.number = number
  }

  /// Makes uses.
  struct Source {
    private var count: UInt64 = 0

    /// The next use of a license.
    mutating func next(_ tenant: Tenant, _ license: UUID) -> LicenseUse {
      count += 1
      return LicenseUse(tenant, license, number: count)
    }
  }
}
