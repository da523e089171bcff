import Cryptography
import EventLoop
import Faults
import HTTP
import Logging
import Messages
import Primitives
import RPC
import Stubs
import Testing

@testable import GatewayService

/// A gateway with a real RPC server behind it, whose methods a test decides.
@EventLoop
final class GatewayFixture {
  nonisolated static let account = "0d0b6c52-7a39-4d0e-9f6b-1f7d2f0a9c11"
  nonisolated static let signingKey = String(repeating: "0123456789abcdef", count: 4)

  /// Full access, test data.
  let key = APIKey.generate(.test)
  /// May only read products.
  let scopedKey = APIKey.generate(.test)
  let revokedKey = APIKey.generate(.test)
  /// May be used from the addresses in ``allowedAddresses`` only.
  let boundKey = APIKey.generate(.test)
  var allowedAddresses: [String] = []

  let gateway: Gateway
  let server = RPCServer(access: .open)
  let channel: Channel

  /// What the licenses service answers.
  var validate: @EventLoop (ValidateKeyRequest, Call) async throws(Fault) -> ValidateKeyResponse = {
    (_, call) async throws(Fault) in
    call.trailers.append("latchkey-account", GatewayFixture.account)
    return ValidateKeyResponse(valid: false, code: .notFound, metadata: Array("{}".utf8))
  }
  var getLicenseByKey: @EventLoop (GetLicenseByKeyRequest, Call) async throws(Fault) -> License = {
    (_, _) async throws(Fault) in
    throw .notFound("License not found")
  }
  var createProduct: @EventLoop (CreateProductRequest, Call) async throws(Fault) -> Product = {
    (request, _) async throws(Fault) in
    Product(
      id: GatewayFixture.account,
      name: request.name,
      code: request.code,
      keyPrefix: "LIC",
      licensesCount: 0,
      metadata: request.metadata ?? Array("{}".utf8),
      createdAt: 0,
      updatedAt: 0,
      storeKeys: true
    )
  }
  var listProducts:
    @EventLoop (ListProductsRequest, Call) async throws(Fault) -> ListProductsResponse = {
      (_, _) async throws(Fault) in
      ListProductsResponse(pagination: Pagination(hasMore: false))
    }
  /// What the keys service was asked.
  private(set) var authentications = 0
  private(set) var signingKeyRequests: [String?] = []
  private(set) var callers: [Caller?] = []
  private(set) var requestIDs: [String] = []

  init() throws {
    let listener = try Listener(try #require(SocketAddress(ip: "127.0.0.1", port: 0)))
    channel = Channel(
      host: "127.0.0.1",
      port: listener.address.port,
      tls: nil,
      serverName: "localhost"
    )
    gateway = Gateway(
      keys: channel,
      licenses: channel,
      signing: channel,
      webhooks: channel,
      rateLimits: nil,
      log: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
    )
    server.register(KeysMethods.serviceName, keysMethods, files: [])
    server.register(LicensesMethods.serviceName, licensesMethods, files: [])
    server.health.setServing(true)
    server.serve(listener, tls: nil)
  }

  private var keysMethods: [Method] {
    [
      .unary(KeysMethods.authenticateApiKey) {
        [self] (request: AuthenticateApiKeyRequest, _) async throws(Fault) in
        authentications += 1
        return verdict(request.sha256)
      },
      .unary(KeysMethods.getResponseSigningKey) {
        [self] (request: GetResponseSigningKeyRequest, _) async throws(Fault) in
        signingKeyRequests.append(request.accountId)
        return GetResponseSigningKeyResponse(
          accountId: Self.account,
          signingKey: Self.signingKey
        )
      },
      .unary(KeysMethods.revokeApiKey) { (_: RevokeApiKeyRequest, _) async throws(Fault) in
        RevokeApiKeyResponse()
      },
    ]
  }

  private func verdict(_ hash: [UInt8]) -> AuthenticateApiKeyResponse {
    func valid(_ scopes: [String]) -> AuthenticateApiKeyResponse {
      AuthenticateApiKeyResponse(
        verdict: .valid,
        accountId: Self.account,
        environment: .test,
        apiKeyId: Self.account,
        scopes: scopes
      )
    }
    switch hash {
    case key.hash: return valid(["*"])
    case scopedKey.hash: return valid(["products:read"])
    case boundKey.hash:
      var answer = valid(["products:read"])
      answer.allowedAddresses = allowedAddresses
      return answer
    case revokedKey.hash: return AuthenticateApiKeyResponse(verdict: .revoked)
    default: return AuthenticateApiKeyResponse(verdict: .unknown)
    }
  }

  private func note(_ call: Call) {
    callers.append(call.caller)
    requestIDs.append(call.requestID)
  }

  private var licensesMethods: [Method] {
    [
      .unary(LicensesMethods.validateKey) {
        [self] (request: ValidateKeyRequest, call) async throws(Fault) in
        note(call)
        return try await validate(request, call)
      },
      .unary(LicensesMethods.getLicenseByKey) {
        [self] (request: GetLicenseByKeyRequest, call) async throws(Fault) in
        note(call)
        return try await getLicenseByKey(request, call)
      },
      .unary(LicensesMethods.createProduct) {
        [self] (request: CreateProductRequest, call) async throws(Fault) in
        note(call)
        return try await createProduct(request, call)
      },
      .unary(LicensesMethods.listProducts) {
        [self] (request: ListProductsRequest, call) async throws(Fault) in
        note(call)
        return try await listProducts(request, call)
      },
    ]
  }

  /// Sends a request and waits for the answer.
  ///
  /// A body brings its content type, a key its field.
  func send(
    _ method: String,
    _ target: String,
    _ body: String = "",
    key: APIKey? = nil,
    _ fields: [(String, String)] = []
  ) async -> RecordedStream {
    var all = fields
    if let key { all.append(("authorization", "Bearer \(key.text)")) }
    if !body.isEmpty, !fields.contains(where: { $0.0 == "content-type" }) {
      all.append(("content-type", "application/json"))
    }
    let stream = RecordedStream(method, target, all)
    stream.arrive(Array(body.utf8), isLast: true)
    gateway.receivedHead(stream)
    await stream.answered()
    gateway.closed(stream)
    return stream
  }

  /// Runs a test with a fixture of its own, and takes it down.
  static func use(_ body: (GatewayFixture) async throws -> Void) async throws {
    let fixture = try GatewayFixture()
    do {
      try await body(fixture)
    } catch {
      await fixture.stop()
      throw error
    }
    await fixture.stop()
  }

  private func stop() async {
    channel.close()
    await server.drain(timeout: .seconds(5))
  }
}
