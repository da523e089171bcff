public import EventLoop
internal import Faults
internal import Primitives

/// `latchkey certs`: makes, shows and renews the certificates of a deployment, whether it runs or not.
@EventLoop
public enum CertificatesOperation {
  /// Where certificates are.
  public enum Place: Sendable {
    /// A data directory, as given to `up`; nil for the default.
    case dataDirectory(String?)
    /// A folder of their own, which ``create(in:names:)`` has made.
    case folder(String)
  }

  /// What is done to certificates that are there.
  public enum Deed: Sendable {
    /// Says when each certificate ends.
    case status
    /// Makes anew what ends soon, or everything but the authorities; running services take it without a restart.
    case renew(all: Bool)
  }

  /// Does it.
  ///
  /// - Returns: The exit status: 0 when it was done, else 1.
  public static func run(_ deed: Deed, at place: Place) async -> Int32 {
    let console = Console()
    do throws(Fault) {
      let files = try opened(place)
      switch deed {
      case .status:
        for (name, expiry) in try DeploymentCertificates.expiries(files) {
          console.say("\(name): valid until \(expiry.iso8601)")
        }
      case .renew(let all):
        let renewed = try DeploymentCertificates.prepare(files, renewsAll: all)
        console.say(
          renewed.isEmpty ? "nothing ends soon" : "renewed \(renewed.joined(separator: ", "))"
        )
      }
      return 0
    } catch {
      console.complain(error)
      return 1
    }
  }

  /// Makes two authorities and a certificate for each service, the operator and users, in a folder of their own.
  ///
  /// - Parameters:
  ///   - folder: Where; a new or an empty one.
  ///   - names: Names and addresses that users call the gateway by, besides `localhost`.
  /// - Returns: The exit status: 0 when it was done, else 1.
  public static func create(in folder: String, names: [String]) async -> Int32 {
    let console = Console()
    do throws(Fault) {
      let certificates = try CertificateFolder.make(folder, hosts: names)
      let made = try DeploymentCertificates.prepare(certificates)
      console.say("made \(made.joined(separator: ", ")) in \(certificates.path)")
      return 0
    } catch {
      console.complain(error)
      return 1
    }
  }

  private static func opened(_ place: Place) throws(Fault) -> any CertificateFiles {
    switch place {
    case .dataDirectory(let path):
      let directory = try DataDirectory.chosen(path)
      guard case .ours = try directory.state() else {
        throw Fault(.failedPrecondition, "There is no Latchkey in \(directory.path)")
      }
      return directory
    case .folder(let path):
      return try CertificateFolder.open(path)
    }
  }
}
