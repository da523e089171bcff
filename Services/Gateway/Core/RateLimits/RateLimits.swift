internal import Faults
internal import ServiceKit

/// How many requests a minute are allowed, and to whom; `RATE-LIMITS.md` explains them.
public struct RateLimits: Sendable {
  /// Validations of one license key.
  let validation: RateLimit
  /// Activations with one license key.
  let activation: RateLimit
  /// Other calls with one license key.
  let license: RateLimit
  /// Calls with one API key.
  let management: RateLimit
  /// What one address sends without a good credential.
  let publicPages: RateLimit
  /// Validations from one address, whatever their license keys.
  let validationByAddress: RateLimit
  /// Activations from one address, whatever their license keys.
  let activationByAddress: RateLimit
  /// Other calls with license keys from one address.
  let licenseByAddress: RateLimit

  /// How much more than one license key an address may do: as many devices as an office has behind it.
  private static let addressFactor = 100

  /// Reads the settings.
  ///
  /// - Returns: nil when one of them was refused, which `finish()` of the reader will report.
  init?(_ reader: SettingsReader) {
    func read(_ name: String, _ summary: String, _ fallback: Int) -> Int? {
      reader.integer(
        "LATCHKEY_RATE_LIMIT_\(name)",
        summary,
        placeholder: "N",
        default: fallback,
        in: 1...RateLimit.perMinuteMax
      )
    }
    func readByAddress(_ name: String, _ summary: String, _ limit: Int?) -> Int? {
      read(
        "\(name)_BY_ADDRESS",
        "\(summary); by default 100 times as many as with one key",
        min((limit ?? 1) * RateLimits.addressFactor, RateLimit.perMinuteMax)
      )
    }
    let validation = read("VALIDATION", "validations of one license key a minute", 60)
    let activation = read("ACTIVATION", "activations with one license key a minute", 10)
    let license = read("LICENSE", "other calls with one license key a minute", 120)
    let management = read("MANAGEMENT", "calls with one API key or session a minute", 120)
    let publicPages = read(
      "PUBLIC",
      "calls of one address without a good credential a minute",
      300
    )
    let validationByAddress = readByAddress(
      "VALIDATION",
      "validations from one address a minute, whatever their license keys",
      validation
    )
    let activationByAddress = readByAddress(
      "ACTIVATION",
      "activations from one address a minute, whatever their license keys",
      activation
    )
    let licenseByAddress = readByAddress(
      "LICENSE",
      "other calls with license keys from one address a minute",
      license
    )
    let processes = reader.integer(
      "LATCHKEY_RATE_LIMIT_PROCESSES",
      "among how many gateways clients are spread; every limit is divided by it, and by the workers of each",
      default: 1,
      in: 1...10_000
    )
    guard let processes, let validation, let activation, let license, let management,
      let publicPages, let validationByAddress, let activationByAddress, let licenseByAddress
    else { return nil }
    self.init(
      processes: processes,
      validation: validation,
      activation: activation,
      license: license,
      management: management,
      publicPages: publicPages,
      validationByAddress: validationByAddress,
      activationByAddress: activationByAddress,
      licenseByAddress: licenseByAddress
    )
  }

  /// Makes limits of so many requests a minute, divided among `processes` gateway processes; at least 1 is left.
  init(
    processes: Int = 1,
    validation: Int = 60,
    activation: Int = 10,
    license: Int = 120,
    management: Int = 120,
    publicPages: Int = 300,
    validationByAddress: Int = 6000,
    activationByAddress: Int = 1000,
    licenseByAddress: Int = 12_000
  ) {
    func limit(_ perMinute: Int) -> RateLimit {
      RateLimit(perMinute: max(1, perMinute / processes))
    }
    self.validation = limit(validation)
    self.activation = limit(activation)
    self.license = limit(license)
    self.management = limit(management)
    self.publicPages = limit(publicPages)
    self.validationByAddress = limit(validationByAddress)
    self.activationByAddress = limit(activationByAddress)
    self.licenseByAddress = limit(licenseByAddress)
  }

  /// The limits of each of so many processes that clients are spread among; at least 1 is left.
  func divided(among processes: Int) -> RateLimits {
    RateLimits(
      processes: processes,
      validation: validation.perMinute,
      activation: activation.perMinute,
      license: license.perMinute,
      management: management.perMinute,
      publicPages: publicPages.perMinute,
      validationByAddress: validationByAddress.perMinute,
      activationByAddress: activationByAddress.perMinute,
      licenseByAddress: licenseByAddress.perMinute
    )
  }
}
