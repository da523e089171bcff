internal import CSodium
internal import EventLoop
internal import Faults
internal import Glibc
internal import HTTP
internal import Messages
internal import RPC
internal import ServiceKit
internal import Stubs
internal import TLS

/// `signing-bench`: how fast files are signed, and how fast libsodium alone signs as many bytes.
///
///     signing-bench sodium BYTES SECONDS
///     signing-bench rpc ADDRESS ACCOUNT LICENSE POLICY FILES CALLS SECONDS CERTIFICATE KEY AUTHORITIES
///
/// Each prints signatures a second: of CPU time the first, of real time the second. `rpc` calls as the licenses service does,
/// with its certificate, for files of this license and policy, in JSON: so many a call, and so many calls at once.
@main
enum SigningBenchmark {
  static func main() {
    let words = Array(CommandLine.arguments.dropFirst())
    switch words.first {
    case "sodium" where words.count == 3:
      guard let bytes = Int(words[1]), let seconds = Int(words[2]) else { refuse() }
      EventLoop.runMain {
        print(sodium(bytes: bytes, seconds: seconds))
        return 0
      }
    case "rpc" where words.count == 11:
      EventLoop.runMain {
        do throws(Fault) {
          print(try await rpc(words))
          return 0
        } catch {
          complain("\(error)")
          return 1
        }
      }
    default: refuse()
    }
  }

  private static func refuse() -> Never {
    complain("usage: signing-bench sodium ... | rpc ...")
    exit(64)
  }

  private static func complain(_ text: String) {
    let line = Array("\(text)\n".utf8)
    _ = write(STDERR_FILENO, line, line.count)
  }

  /// libsodium's own loop: one key, one message, nothing else.
  @EventLoop
  private static func sodium(bytes: Int, seconds: Int) -> Double {
    guard sodium_init() >= 0 else { refuse() }
    var publicKey = [UInt8](repeating: 0, count: Int(crypto_sign_PUBLICKEYBYTES))
    var secretKey = [UInt8](repeating: 0, count: Int(crypto_sign_SECRETKEYBYTES))
    var signature = [UInt8](repeating: 0, count: Int(crypto_sign_BYTES))
    var message = [UInt8](repeating: 0x61, count: bytes)
    crypto_sign_keypair(&publicKey, &secretKey)
    // By the time of its own core, whatever else runs on the machine.
    let start = cpuSeconds()
    let end = Instant.now + .seconds(seconds)
    var count = 0
    while Instant.now < end {
      for _ in 0..<100 {
        message[0] &+= 1
        crypto_sign_detached(&signature, nil, message, UInt64(bytes), secretKey)
      }
      count += 100
    }
    return Double(count) / (cpuSeconds() - start)
  }

  private static func cpuSeconds() -> Double {
    var time = timespec()
    guard clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time) == 0 else { refuse() }
    return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
  }

  @EventLoop
  private static func rpc(_ words: [String]) async throws(Fault) -> Double {
    guard let address = Endpoint(words[1]), let files = Int(words[5]), let calls = Int(words[6]),
      let seconds = Int(words[7])
    else { refuse() }
    let tls = try TLSContext(
      TLSFiles(certificate: words[8], key: words[9], authorities: words[10])
        .configuration(.client, applicationProtocols: ["h2"])
    )
    let channel = Channel(
      host: address.host,
      port: address.port,
      tls: tls,
      serverName: "signing"
    )
    defer { channel.close() }
    let client = SigningClient(channel)
    let order = LicenseFileOrder(
      licenseId: "0197a1c2-7d5e-7c44-9f6b-1f7d2f0a9c12",
      productId: "0197a1c2-7d5e-7c44-9f6b-1f7d2f0a9c13",
      fingerprint: String(repeating: "f", count: 64),
      entitlements: ["export_pdf", "sso"],
      ttlSeconds: 1_209_600,
      license: Array(words[3].utf8),
      policy: Array(words[4].utf8),
      payloadKey: [UInt8](repeating: 7, count: 32),
      actor: AuditEvent.Actor(kind: .apiKey, id: "0197a1c2-7d5e-7c44-9f6b-1f7d2f0a9c14")
    )
    let request = SignLicenseFilesRequest(
      accountId: words[2],
      environment: .test,
      orders: [LicenseFileOrder](repeating: order, count: files)
    )
    // The keyset is made with the first.
    _ = try await client.signLicenseFiles(request)
    let start = Instant.now
    let end = start + .seconds(seconds)
    let workers = (0..<calls).map { _ in
      EventLoop.spawn { () async -> Result<Int, Fault> in
        var count = 0
        do throws(Fault) {
          while Instant.now < end {
            let answer = try await client.signLicenseFiles(request)
            count += answer.outcomes.count { $0.signed != nil }
          }
          return .success(count)
        } catch {
          return .failure(error)
        }
      }
    }
    var count = 0
    for worker in workers { count += try await worker.value.get() }
    return perSecond(count, since: start)
  }

  @EventLoop
  private static func perSecond(_ count: Int, since start: Instant) -> Double {
    let taken = Instant.now - start
    let nanoseconds =
      Double(taken.components.seconds) * 1e9 + Double(taken.components.attoseconds) / 1e9
    return Double(count) * 1e9 / nanoseconds
  }
}
