public import Faults
public import ServiceKit

/// The settings of the gateway.
public struct GatewaySettings: Sendable {
  /// Where users call it.
  public let httpsListen: Endpoint
  /// The certificate that users see, and its key.
  public let httpsFiles: TLSFiles
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
  /// Whether each request is a line in the log.
  public let logsRequests: Bool

  /// Reads the settings.
  ///
  /// - Throws: ``Fault`` `invalidArgument` with every setting that is wrong.
  public init(_ reader: SettingsReader) throws(Fault) {
    let certificate: String
    let key: String
    let areRateLimitsOn: Bool
    let limits: RateLimits
    (
      httpsListen, certificate, key, rpc, keys, licenses, signing, webhooks, areRateLimitsOn,
      limits,
      logsRequests
    ) =
      try reader.require(
        reader.endpoint("LATCHKEY_HTTPS_LISTEN"),
        reader.readableFile("LATCHKEY_TLS_CERT_FILE"),
        reader.readableFile("LATCHKEY_TLS_KEY_FILE"),
        RPCSettings(reader),
        reader.endpoint("LATCHKEY_KEYS_ADDRESS"),
        reader.endpoint("LATCHKEY_LICENSES_ADDRESS"),
        reader.endpoint("LATCHKEY_SIGNING_ADDRESS"),
        reader.endpoint("LATCHKEY_WEBHOOKS_ADDRESS"),
        reader.isOn("LATCHKEY_RATE_LIMITS", default: true),
        RateLimits(reader),
        reader.isOn("LATCHKEY_REQUEST_LOG", default: true)
      )
    rateLimits = areRateLimitsOn ? limits : nil
    httpsFiles = TLSFiles(certificate: certificate, key: key, authorities: nil)
  }
}
