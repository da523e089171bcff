internal import EventLoop
internal import Faults
internal import Glibc
internal import HTTP
internal import Primitives
internal import ServiceKit
internal import Transcoding

/// Calls the REST API of a deployment, one request after the other on one connection.
@EventLoop
final class APIClient {
  /// Beyond every answer that is asked for: the largest license file, or a page of them.
  private static let answerBytesMax = 16 << 20

  /// An answer that was no refusal.
  struct Answer {
    /// The whole answer.
    let body: [UInt8]
    /// What it says.
    let json: JSONAnswer

    /// The data of the answer, as JSON text.
    var data: [UInt8] { json.json("data") ?? [] }
  }

  /// The deployment's URL.
  let url: String
  private let credential: String?
  private let connection: HTTP2ClientConnection

  private init(url: String, credential: String?, connection: HTTP2ClientConnection) {
    self.url = url
    self.credential = credential
    self.connection = connection
  }

  /// Finds a deployment and connects to it.
  ///
  /// - Parameters:
  ///   - place: Which deployment, and as whom.
  ///   - isAnonymous: Whether only what everybody may read is read.
  /// - Returns: The client; close it after use.
  /// - Throws: ``Fault`` `failedPrecondition` when nothing says where it is or with which key, `unavailable` when it cannot
  ///   be reached.
  static func connect(
    _ place: APIPlace,
    isAnonymous: Bool = false
  ) async throws(Fault) -> APIClient {
    let endpoint = try APIEndpoint(dataDirectory: place.dataDirectory)
    return APIClient(
      url: endpoint.url,
      credential: isAnonymous ? nil : try place.credential(endpoint),
      connection: try await endpoint.connect()
    )
  }

  /// Reads.
  ///
  /// - Throws: What the API refuses, in its own words.
  func get(_ path: String) async throws(Fault) -> Answer { try await send("GET", path, nil) }

  /// Has something done, once: however often the request is sent, it is one.
  ///
  /// - Parameters:
  ///   - path: Of the endpoint.
  ///   - write: Writes the members of the request.
  /// - Returns: The answer.
  /// - Throws: What the API refuses, in its own words.
  func post(_ path: String, _ write: (inout JSONText) -> Void) async throws(Fault) -> Answer {
    var body = JSONText()
    body.beginObject()
    write(&body)
    body.endObject()
    return try await send("POST", path, body.bytes)
  }

  /// Ends the connection.
  func close() { connection.close() }

  private func send(
    _ method: StaticString,
    _ path: String,
    _ body: [UInt8]?
  ) async throws(Fault) -> Answer {
    var fields = HeaderFields()
    if let credential { fields.append("authorization", credential) }
    fields.append("accept", "application/json")
    if body != nil {
      fields.append("content-type", "application/json")
      fields.append("idempotency-key", UUID.v7().description)
    }
    let answer = StreamedAnswer()
    guard
      let stream = connection.open(method: method, path: path, fields: fields, handler: answer)
    else { throw .unavailable("The gateway takes no requests now") }
    if let body { stream.sendBody { $0.append(contentsOf: body) } }
    stream.finish(nil)
    var text: [UInt8] = []
    while let bytes = await answer.next() {
      text.append(contentsOf: bytes)
      guard text.count <= Self.answerBytesMax else { throw .unavailable("The answer is too large") }
    }
    guard answer.status != 0 else { throw .unavailable("The gateway did not answer") }
    let json: JSONAnswer
    do throws(Fault) {
      json = try JSONAnswer(text)
    } catch {
      throw .unavailable("The gateway answered \(answer.status), and not in JSON")
    }
    guard (200..<300).contains(answer.status) else {
      throw Self.refusal(answer.status, json)
    }
    return Answer(body: text, json: json)
  }

  private static func refusal(_ status: Int, _ json: JSONAnswer) -> Fault {
    var message = json.text("error") ?? "The gateway answered \(status)"
    for index in 0..<json.count("details", "issues") {
      let issue = ["details", "issues", "\(index)"]
      let names = (0..<json.count(issue + ["path"])).compactMap { step in
        json.text(issue + ["path", "\(step)"])
      }
      if let said = json.text(issue + ["message"]) {
        message += "\n  \(names.joined(separator: ".")): \(said)"
      }
    }
    if let code = json.text("code") { message += " (\(code))" }
    return Fault(.failedPrecondition, message)
  }
}

/// Which deployment a command is for, and as whom it calls.
public struct APIPlace: Sendable {
  /// Where the license key is that authorizes the call, if it is not an API key that does.
  public enum LicenseKey: Sendable {
    case file(String)
    case standardInput
  }

  /// The data directory of `latchkey up`; nil for the environment, or else for the default folder.
  public var dataDirectory: String?
  /// Whether the live environment is meant, and not the test one.
  public var isLive: Bool
  /// Calls with a license key.
  public var licenseKey: LicenseKey?

  /// Takes what was said on the command line.
  public init(dataDirectory: String?, isLive: Bool, licenseKey: LicenseKey? = nil) {
    self.dataDirectory = dataDirectory
    self.isLive = isLive
    self.licenseKey = licenseKey
  }

  /// What stands in `Authorization`.
  @EventLoop
  func credential(_ endpoint: APIEndpoint) throws(Fault) -> String {
    switch licenseKey {
    case .file(let path): return "License \(try SettingsFile.readLine(path))"
    case .standardInput: return "License \(try SettingsFile.readLine("/dev/stdin"))"
    case nil: break
    }
    let own = isLive ? "LATCHKEY_LIVE_API_KEY" : "LATCHKEY_TEST_API_KEY"
    guard let key = endpoint.variables["LATCHKEY_API_KEY"] ?? endpoint.variables[own] else {
      throw Fault(.failedPrecondition, "Set LATCHKEY_API_KEY or \(own), or give --data-dir")
    }
    let prefix = isLive ? "lk_live_" : "lk_test_"
    guard key.hasPrefix(prefix) else {
      throw Fault(
        .failedPrecondition,
        isLive
          ? "The API key is not one of the live environment"
          : "The API key is of the live environment: say --live"
      )
    }
    return "Bearer \(key)"
  }
}
