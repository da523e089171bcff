/// Where certificates lie, with the authorities that have issued them.
protocol CertificateFiles: Sendable {
  /// Every certificate to have.
  var wantedCertificates: [DeploymentCertificates.Wanted] { get }
  /// The folder of the authorities, which is locked while certificates are made.
  var authorities: String { get }

  /// The folder with the certificate that has this name, and its key.
  func certificates(of name: String) -> String
}

extension CertificateFiles {
  /// A certificate.
  func certificate(_ name: String) -> String { "\(certificates(of: name))/\(name).pem" }

  /// A certificate's key.
  func key(_ name: String) -> String { "\(certificates(of: name))/\(name).key" }
}
