public import Faults
public import ServiceKit

/// The settings of the gateway.
public struct GatewaySettings: Sendable {
  /// Where users call it.
  public let httpsListen: Endpoint
  /// The certificates that users see, and their keys: the first one, and one for each further name.
  public let httpsFiles: TLSFiles
  /// Whose word about a request's client is taken.
  public let proxies: TrustedProxies
  /// For how long browsers shall call by HTTPS alone.
  public let transportSecurity: Duration
  /// Where ACME challenges are answered over plain HTTP, and from which folder; nil where they are not.
  public let challenges: Challenges?

  /// Where ACME challenges are answered.
  public struct Challenges: Sendable {
    /// Where certificate authorities ask: port 80 of all names.
    public let listen: Endpoint
    /// What `certbot` is given as `--webroot-path`.
    public let webroot: String
  }
  /// Where its RPC server (health and reflection) listens, and as whom it appears to the services.
  public let rpc: RPCSettings
  /// Where the keys service is.
  public let keys: Endpoint
  /// Where the licenses service is.
  public let licenses: Endpoint
  /// Where the signing service is.
  public let signing: Endpoint
  /// Where the webhooks service is.
  public let webhooks: Endpoint
  /// How many requests a minute are allowed; nil where clients are not held to limits.
  public let rateLimits: RateLimits?

  /// A year, which is what browsers' lists of such hosts ask for.
  private static let defaultSecuritySeconds = 365 * 24 * 60 * 60
  private static let securitySecondsMax = 10 * defaultSecuritySeconds

  /// Reads the settings.
  ///
  /// - Throws: ``Fault`` `invalidArgument` with every setting that is wrong.
  public init(_ reader: SettingsReader) throws(Fault) {
    let securitySeconds: Int
    let areRateLimitsOn: Bool
    let limits: RateLimits
    challenges = Self.challenges(reader)
    (
      httpsListen, httpsFiles, proxies, securitySeconds, rpc, keys, licenses, signing, webhooks,
      areRateLimitsOn, limits
    ) =
      try reader.require(
        reader.endpoint("LATCHKEY_HTTPS_LISTEN"),
        reader.tlsFiles("LATCHKEY_TLS_CERT_FILE", "LATCHKEY_TLS_KEY_FILE"),
        reader.value(
          "LATCHKEY_TRUSTED_PROXIES",
          default: TrustedProxies.none,
          expected: "at most 64 address ranges such as 10.0.0.0/8, separated by commas",
          TrustedProxies.init
        ),
        reader.integer(
          "LATCHKEY_HSTS_SECONDS",
          default: Self.defaultSecuritySeconds,
          in: 0...Self.securitySecondsMax
        ),
        RPCSettings(reader),
        reader.endpoint("LATCHKEY_KEYS_ADDRESS"),
        reader.endpoint("LATCHKEY_LICENSES_ADDRESS"),
        reader.endpoint("LATCHKEY_SIGNING_ADDRESS"),
        reader.endpoint("LATCHKEY_WEBHOOKS_ADDRESS"),
        reader.isOn("LATCHKEY_RATE_LIMITS", default: true),
        RateLimits(reader)
      )
    rateLimits = areRateLimitsOn ? limits : nil
    transportSecurity = .seconds(securitySeconds)
  }

  /// Reads the two settings that make sense only together.
  private static func challenges(_ reader: SettingsReader) -> Challenges? {
    let names = (listen: "LATCHKEY_HTTP_LISTEN", webroot: "LATCHKEY_ACME_WEBROOT")
    let areSet = [names.listen, names.webroot].map { reader.isSet($0) }
    guard areSet.contains(true) else { return nil }
    let listen = reader.endpoint(names.listen)
    guard let webroot = reader.readableFolder(names.webroot), let listen else { return nil }
    return Challenges(listen: listen, webroot: webroot)
  }
}
