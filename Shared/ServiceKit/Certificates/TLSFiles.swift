public import Faults
internal import Glibc
public import TLS

/// Where certificate chains, their private keys and the authorities that are trusted lie, all in PEM.
public struct TLSFiles: Sendable, Hashable {
  /// Where one certificate chain and its key lie.
  public struct Identity: Sendable, Hashable {
    /// The chain that is presented to peers, the own certificate first.
    public var certificate: String
    /// The private key of the first certificate, unencrypted.
    public var key: String

    /// Names the files.
    public init(certificate: String, key: String) {
      self.certificate = certificate
      self.key = key
    }

    /// Reads the files.
    func read() throws(Fault) -> TLSIdentity {
      TLSIdentity(
        certificateChain: try SettingsFile.read(certificate),
        privateKey: try SettingsFile.readSecret(key)
      )
    }
  }

  /// What is presented to peers.
  public var identity: Identity
  /// What a server presents to clients that ask for a name of one of these.
  public var named: [Identity] = []
  /// The authorities that peers' certificates must come from; nil where peers need no certificate.
  public var authorities: String?

  /// Names the files of one identity.
  public init(certificate: String, key: String, authorities: String?) {
    identity = Identity(certificate: certificate, key: key)
    self.authorities = authorities
  }

  /// All identities, the unnamed one first.
  var identities: [Identity] { [identity] + named }

  /// What is used of the files.
  public enum Use: Sendable, Hashable {
    /// A server; peers must have a certificate where authorities are named.
    case server
    /// A client, which always needs authorities.
    case client
  }

  /// Reads the files.
  ///
  /// - Throws: ``Fault`` `failedPrecondition` when a file cannot be read, or a client has no authorities.
  public func configuration(
    _ use: Use,
    applicationProtocols: [String]
  ) throws(Fault) -> TLSConfiguration {
    let identity = try identity.read()
    var trusted: [UInt8]?
    if let authorities { trusted = try SettingsFile.read(authorities) }
    switch use {
    case .server:
      return .server(
        identity: identity,
        namedIdentities: try named.map { (identity) throws(Fault) in try identity.read() },
        clientAuthorities: trusted,
        applicationProtocols: applicationProtocols
      )
    case .client:
      guard let trusted else {
        throw Fault(.failedPrecondition, "A TLS client needs authorities to trust")
      }
      return .client(
        authorities: trusted,
        identity: identity,
        applicationProtocols: applicationProtocols
      )
    }
  }

  /// Tells one state of the files from another, without reading them.
  struct Version: Hashable {
    fileprivate struct File: Hashable {
      var inode: UInt
      var size: Int
      var seconds: Int
      var nanoseconds: Int
    }

    fileprivate var files: [File?]
  }

  /// The state of the files now; a missing file has one too.
  func version() -> Version {
    Version(
      files: (identities.flatMap { [$0.certificate, $0.key] } + [authorities]).map { path in
        var status = stat()
        guard let path, stat(path, &status) == 0 else { return nil }
        return Version.File(
          inode: UInt(status.st_ino),
          size: Int(status.st_size),
          seconds: status.st_mtim.tv_sec,
          nanoseconds: status.st_mtim.tv_nsec
        )
      }
    )
  }
}
