internal import Cryptography
internal import Faults

/// A folder with the certificates of a deployment and nothing else, for whoever starts the services by other means than
/// ours.
///
/// ```
/// latchkey-certificates  says that the folder is ours, how it is laid out, and by which names users call the gateway
/// https-ca.pem           what users' programs must trust
/// https.pem              what the gateway shows to users
/// rpc-ca.pem             what services trust among each other
/// <service>.pem          what a service shows to the others
/// operator.pem           what commands of an operator show to them
/// *.key                  the key of each of them
/// ```
struct CertificateFolder: CertificateFiles {
  /// The absolute path, without a slash at the end.
  let path: String
  /// The names that users call the gateway by, besides `localhost`.
  let names: [CertificateName]

  /// What the marker file of this layout begins with; the names follow, each on a line.
  private static let layout = "latchkey certificates, layout 1"

  private static func marker(in path: String) -> String { "\(path)/latchkey-certificates" }

  var authorities: String { path }

  var wantedCertificates: [DeploymentCertificates.Wanted] {
    let local = DeploymentCertificates.localNames
    return DeploymentCertificates.all(usersNames: local + names.filter { !local.contains($0) })
  }

  func certificates(of name: String) -> String { path }

  /// Makes a folder for new certificates, or takes one that is empty.
  ///
  /// - Parameters:
  ///   - path: Relative to the current folder unless it begins with a slash.
  ///   - hosts: Names and addresses that users call the gateway by, besides `localhost`.
  /// - Returns: The folder, without any certificate.
  /// - Throws: ``Fault`` with one sentence when there are certificates already or something else, or it cannot be made;
  ///   `invalidArgument` for a host that no certificate can be for.
  static func make(_ path: String, hosts: [String]) throws(Fault) -> CertificateFolder {
    let path = Files.absolute(path, in: try Files.currentDirectory())
    let names = hosts.map { CertificateName(host: $0) }
    guard names.allSatisfy(\.isWellFormed) else {
      throw Fault(.invalidArgument, "A --name is a host name or an address, without a port")
    }
    guard !Files.exists(marker(in: path)) else {
      throw Fault(
        .failedPrecondition,
        "\(path) has certificates already; what ends soon in it is made anew by:"
          + " latchkey certs renew --dir \(path)"
      )
    }
    if Files.exists(path) {
      guard try Files.entries(of: path).isEmpty else {
        throw Fault(
          .failedPrecondition,
          "\(path) holds something else; choose an empty or a new folder with --dir"
        )
      }
    }
    try Files.makeDirectories(path)
    let lines = [layout] + hosts
    // First of all: what is missing after an interruption is made by the next renewal.
    try Files.write(lines.joined(separator: "\n") + "\n", to: marker(in: path))
    return CertificateFolder(path: path, names: names)
  }

  /// A folder that was made before.
  ///
  /// - Parameter path: Relative to the current folder unless it begins with a slash.
  /// - Returns: The folder, with the names that it was made with.
  /// - Throws: ``Fault`` `failedPrecondition` when there is none, or a later version has made it.
  static func open(_ path: String) throws(Fault) -> CertificateFolder {
    let path = Files.absolute(path, in: try Files.currentDirectory())
    guard Files.exists(marker(in: path)) else {
      throw Fault(
        .failedPrecondition,
        "There are no certificates of Latchkey in \(path); make them with:"
          + " latchkey certs create --dir \(path)"
      )
    }
    let lines = try Files.read(marker(in: path)).split(separator: "\n").map { String($0) }
    guard lines.first == layout else {
      throw Fault(
        .failedPrecondition,
        "\(path) was made by another version of Latchkey; use that one, or another --dir"
      )
    }
    return CertificateFolder(
      path: path,
      names: lines.dropFirst().map { CertificateName(host: $0) }
    )
  }
}
