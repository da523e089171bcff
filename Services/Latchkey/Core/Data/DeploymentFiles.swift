internal import Faults
internal import ServiceKit

/// Where the secrets and the certificates of a deployment lie.
///
/// `latchkey up` has all of them in one folder (``DataDirectory``). Where services are kept apart from each other, each has
/// a folder that it alone is given (``DeploymentVolumes``).
protocol DeploymentFiles: CertificateFiles {
  /// What people call the whole of it.
  var path: String { get }
  /// Whether there is a database already that needs the secrets as they are.
  var hasDatabase: Bool { get }
  /// The account's id.
  var accountIDFile: String { get }
  /// What users need to know.
  var environmentFile: String { get }

  /// The file with the password of a role of the database.
  func password(of role: String) -> String
  /// The file with the master keys of a service; nil where it keeps nothing encrypted.
  func masterKeys(of service: ServiceName) -> String?
}

extension DeploymentFiles {
  /// All files of master keys, each once.
  var allMasterKeys: [String] {
    ServiceName.allCases.compactMap { masterKeys(of: $0) }.reduce(into: []) { files, file in
      if !files.contains(file) { files.append(file) }
    }
  }

  /// The files that a peer of this identity presents and trusts.
  func tlsFiles(of identity: String) -> TLSFiles {
    let authority = DeploymentCertificates.Authority.rpc.rawValue
    return TLSFiles(
      certificate: certificate(identity),
      key: key(identity),
      authorities: "\(certificates(of: identity))/\(authority).pem"
    )
  }

  /// What users' programs must trust, as the operator has it.
  var usersAuthority: String {
    let authority = DeploymentCertificates.Authority.https.rawValue
    return "\(certificates(of: DeploymentCertificates.operatorIdentity))/\(authority).pem"
  }
}
