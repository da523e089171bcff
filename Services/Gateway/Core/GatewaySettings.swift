public import Faults
public import ServiceKit

/// The settings of the gateway.
public struct GatewaySettings: OwnSettings {
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
  public let keys: [Endpoint]
  /// Where the licenses service is.
  public let licenses: [Endpoint]
  /// Where the signing service is.
  public let signing: [Endpoint]
  /// Where the webhooks service is.
  public let webhooks: [Endpoint]
  /// How many requests a minute are allowed; nil where clients are not held to limits.
  public let rateLimits: RateLimits?
  /// Whether each request is a line in the log.
  public let logsRequests: Bool

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
      areRateLimitsOn, limits, logsRequests
    ) =
      try reader.require(
        reader.listenEndpoint(
          "LATCHKEY_HTTPS_LISTEN",
          "where users call, by HTTP/2 and HTTP/1.1 over TLS 1.2 and 1.3; nothing is served in plain text"
        ),
        reader.tlsFiles(
          certificates: (
            "LATCHKEY_TLS_CERT_FILE",
            "the certificate (PEM) that users see; for several names a list, the first for all others"
          ),
          keys: ("LATCHKEY_TLS_KEY_FILE", "the private keys (PEM) of those, in the same order")
        ),
        Self.proxies(reader),
        reader.integer(
          "LATCHKEY_HSTS_SECONDS",
          "for how long browsers shall call by HTTPS alone (RFC 6797); 0 says nothing of it",
          placeholder: "SECONDS",
          default: Self.defaultSecuritySeconds,
          in: 0...Self.securitySecondsMax
        ),
        RPCSettings(reader),
        reader.addresses(of: "keys"),
        reader.addresses(of: "licenses"),
        reader.addresses(of: "signing"),
        reader.addresses(of: "webhooks"),
        reader.isOn(
          "LATCHKEY_RATE_LIMITS",
          "whether requests are counted; off sends no headers that tell of limits either",
          default: true
        ),
        RateLimits(reader),
        reader.isOn(
          "LATCHKEY_REQUEST_LOG",
          "whether each request is a line in the log, for a fifth more of its CPU time",
          default: false
        )
      )
    rateLimits = areRateLimitsOn ? limits : nil
    transportSecurity = .seconds(securitySeconds)
  }

  private static func proxies(_ reader: SettingsReader) -> TrustedProxies? {
    let setting = Setting(
      "LATCHKEY_TRUSTED_PROXIES",
      "RANGE,...",
      "address ranges of proxies whose X-Forwarded-For is believed",
      expected:
        "at most 64 address ranges such as 10.0.0.0/8, none of them wider than that, separated by commas",
      without: .value("")
    )
    return reader.value(setting) { $0.isEmpty ? TrustedProxies.none : TrustedProxies($0) }
  }

  /// Reads the two settings that make sense only together.
  private static func challenges(_ reader: SettingsReader) -> Challenges? {
    let names = (listen: "LATCHKEY_HTTP_LISTEN", webroot: "LATCHKEY_ACME_WEBROOT")
    let listen = reader.listenEndpoint(
      names.listen,
      "where ACME http-01 challenges are answered over plain HTTP, and nothing else: port 80",
      isOptional: true
    )
    let webroot = reader.readableFolder(
      names.webroot,
      "the folder they are in, as `certbot certonly --webroot -w DIR` has it",
      isOptional: true
    )
    for (one, other) in [(names.listen, names.webroot), (names.webroot, names.listen)]
    where reader.isGiven(one) && !reader.isGiven(other) {
      reader.refuse(other, "is not set, as it must be where \(one) is")
    }
    guard let listen, let webroot else { return nil }
    return Challenges(listen: listen, webroot: webroot)
  }
}
