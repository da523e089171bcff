import EventLoop
import Faults
import Messages
import Protobuf
import RPC
import TestKit
import Testing

/// Which callers a method with a scope admits, over mutual TLS.
@Suite(.serialized, .onLoop) struct ScopeTests {
  static let scoped = MethodDescriptor(path: "/test.Scopes/Scoped", scope: "a:read")
  static let byLicense = MethodDescriptor(
    path: "/test.Scopes/ByLicense",
    scope: "a:read",
    admitsLicenseKeys: true
  )
  static let byAnybody = MethodDescriptor(
    path: "/test.Scopes/ByAnybody",
    scope: "a:read",
    admitsAnonymous: true
  )

  static let byUser = MethodDescriptor(
    path: "/test.Scopes/ByUser",
    scope: "a:read",
    isForUsers: true
  )

  /// A caller, and the methods that admit it: `scoped`, `byLicense`, `byAnybody`, `byUser`.
  static let rows: [(caller: Caller?, admitted: [Bool])] = [
    (Caller(actorKind: .apiKey, scopes: ["a:read"]), [true, true, true, false]),
    (Caller(actorKind: .apiKey, scopes: ["*"]), [true, true, true, false]),
    (Caller(actorKind: .apiKey, scopes: ["a:write"]), [false, false, false, false]),
    (Caller(actorKind: .apiKey), [false, false, false, false]),
    (Caller(actorKind: .user, scopes: ["a:read"]), [true, true, true, true]),
    (Caller(actorKind: .user, scopes: ["a:write"]), [false, false, false, false]),
    (Caller(actorKind: .licenseKey, licenseKey: "k"), [false, true, false, false]),
    // A license key has no scope, whatever is claimed for it.
    (Caller(actorKind: .licenseKey, scopes: ["*"], licenseKey: "k"), [false, true, false, false]),
    (
      Caller(actorKind: .licenseKey, scopes: ["a:read"], licenseKey: "k"),
      [false, true, false, false]
    ),
    (Caller(actorKind: .anonymous), [false, false, true, false]),
    (Caller(), [false, false, true, false]),
    (nil, [false, false, true, false]),
  ]

  @Test @EventLoop func `a scope is asked of those who can have one`() async throws {
    try await ServedRPC.with("scopes") { server in
      let methods = [Self.scoped, Self.byLicense, Self.byAnybody, Self.byUser].map { descriptor in
        Method.unary(descriptor) { (request: RawMessage, _) async throws(Fault) -> RawMessage in
          request
        }
      }
      server.register("test.Scopes", methods, files: [])
    } body: { served in
      let channel = try served.channel(as: "gateway")
      for row in Self.rows {
        var admitted: [Bool] = []
        for method in [Self.scoped, Self.byLicense, Self.byAnybody, Self.byUser] {
          do throws(Fault) {
            let _: RawMessage = try await channel.unary(
              method,
              RawMessage([1]),
              CallOptions(caller: row.caller)
            )
            admitted.append(true)
          } catch {
            #expect(error.code == .permissionDenied && error.reason == .forbidden)
            admitted.append(false)
          }
        }
        #expect(admitted == row.admitted, "\(String(describing: row.caller))")
      }
    }
  }
}
