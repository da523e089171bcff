public import EventLoop
internal import Faults
internal import Primitives

/// `latchkey certs`: shows and renews the certificates of a data directory, whether it runs or not.
@EventLoop
public enum CertificatesOperation {
  /// What is done.
  public enum Deed: Sendable {
    /// Says when each certificate ends.
    case status
    /// Makes anew what ends soon, or everything but the authorities; running services take it without a restart.
    case renew(all: Bool)
  }

  /// Does it.
  ///
  /// - Parameters:
  ///   - deed: What to do.
  ///   - dataDirectory: As given to `up`; nil for the default.
  /// - Returns: The exit status: 0 when it was done, else 1.
  public static func run(_ deed: Deed, dataDirectory: String?) async -> Int32 {
    let console = Console()
    do throws(Fault) {
      let directory = try DataDirectory.chosen(dataDirectory)
      guard case .ours = try directory.state() else {
        throw Fault(.failedPrecondition, "There is no Latchkey in \(directory.path)")
      }
      switch deed {
      case .status:
        for (name, expiry) in try DeploymentCertificates.expiries(directory) {
          console.say("\(name): valid until \(expiry.iso8601)")
        }
      case .renew(let all):
        let renewed = try DeploymentCertificates.prepare(directory, renewsAll: all)
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
}
