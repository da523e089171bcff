internal import CPQ
internal import Cryptography
internal import EventLoop
internal import Faults
internal import Glibc

/// Which server to connect to and as whom: libpq's connection parameters, parsed.
///
/// Source: PostgreSQL 15, section 34.1.2, "Parameter Key Words".
struct ConnectionTarget: Sendable {
  /// One place where a server may be.
  struct Host: Sendable, Equatable {
    /// A name, an address, or the folder of a Unix socket.
    var name: String
    /// The address, where the parameters give it, so that nothing is looked up.
    var address: String
    /// The port as text; empty for libpq's default.
    var port: String

    /// Whether libpq takes the name for the folder of a Unix socket.
    var isUnixSocket: Bool { name.hasPrefix("/") || name.hasPrefix("@") || name.isEmpty }
  }

  /// The most addresses one target may have, names resolved.
  static let addressesMax = 32

  /// Where to look for the server, in order.
  let hosts: [Host]
  /// All other parameters by key word.
  private(set) var parameters: [String: String]
  /// Kept apart, so that it is in no description and is wiped when it is no longer needed.
  private let password: SecretBytes?

  /// Parses a connection string, `key=value …` or a URI.
  ///
  /// - Throws: ``Fault`` `invalidArgument`; its text quotes nothing, as a string may hold a password.
  init(_ text: String, password: String?) throws(Fault) {
    guard !text.utf8.contains(0), let options = PQconninfoParse(text, nil) else {
      throw Fault(.invalidArgument, "The database address is not a valid connection string or URI")
    }
    defer { PQconninfoFree(options) }
    var parameters: [String: String] = [:]
    var option = options
    while let keyword = option.pointee.keyword {
      if let value = option.pointee.val {
        parameters[String(cString: keyword)] = String(cString: value)
      }
      option += 1
    }
    let givenPassword = parameters.removeValue(forKey: "password")
    try self.init(parameters, password: password ?? givenPassword)
  }

  private init(_ given: [String: String], password: String?) throws(Fault) {
    var given = given
    self.password = password.map { text in
      var bytes = Array(text.utf8)
      return SecretBytes(wiping: &bytes)
    }
    func list(_ keyword: String) -> [String] {
      guard let value = given.removeValue(forKey: keyword), !value.isEmpty else { return [] }
      return value.split(separator: ",", omittingEmptySubsequences: false).map(String.init)
    }
    let names = list("host")
    let addresses = list("hostaddr")
    let ports = list("port")
    let count = max(names.count, addresses.count, 1)
    let isConsistent =
      (names.isEmpty || names.count == count) && (addresses.isEmpty || addresses.count == count)
      && (ports.count <= 1 || ports.count == count)
    guard isConsistent else {
      throw Fault(
        .invalidArgument,
        "The database address lists different numbers of hosts, addresses and ports"
      )
    }
    hosts = (0..<count).map { index in
      Host(
        name: names.isEmpty ? "" : names[index],
        address: addresses.isEmpty ? "" : addresses[index],
        port: ports.isEmpty ? "" : ports.count == 1 ? ports[0] : ports[index]
      )
    }
    parameters = given
    parameters["client_encoding"] = "UTF8"
    // Kerberos is not used, and looking for its tickets would block.
    parameters["gssencmode"] = given["gssencmode"] ?? "disable"
    // A peer that vanishes without a word is noticed within a minute.
    parameters["keepalives_idle"] = given["keepalives_idle"] ?? "30"
    parameters["keepalives_interval"] = given["keepalives_interval"] ?? "5"
    parameters["keepalives_count"] = given["keepalives_count"] ?? "3"
    // Time limits are the loop's part; libpq keeps this one in blocking calls alone.
    parameters["connect_timeout"] = nil
  }

  /// The target with a server setting for its sessions, such as `statement_timeout`.
  func setting(_ name: String, _ value: String) -> ConnectionTarget {
    var copy = self
    let options = parameters["options"].map { $0 + " " } ?? ""
    copy.parameters["options"] = "\(options)-c \(name)=\(value)"
    return copy
  }

  /// The target with another value of a parameter such as `dbname`.
  func with(_ keyword: String, _ value: String) -> ConnectionTarget {
    var copy = self
    copy.parameters[keyword] = value
    return copy
  }

  /// Looks up every name on the loop, as libpq would block in doing so.
  ///
  /// A name with several addresses becomes several hosts. A name without any is left out.
  ///
  /// - Parameter rotation: How many hosts to move from the front to the back, so that an attempt after
  ///   one that timed out does not begin with the same silent host.
  /// - Returns: The hosts, each with an address or a socket's folder.
  /// - Throws: ``Fault`` `unavailable` when nothing is left.
  @EventLoop
  func resolved(rotation: Int) async throws(Fault) -> [Host] {
    var resolved: [Host] = []
    var failure: Fault?
    for host in hosts {
      if host.isUnixSocket || !host.address.isEmpty {
        resolved.append(host)
        continue
      }
      do throws(Fault) {
        for address in try await EventLoop.resolve(host: host.name, port: 0) {
          resolved.append(Host(name: host.name, address: address.host, port: host.port))
        }
      } catch { failure = error }
    }
    guard !resolved.isEmpty else {
      throw .databaseUnavailable(detail: "No host of the database has an address", cause: failure)
    }
    resolved = Array(resolved.prefix(ConnectionTarget.addressesMax))
    let start = rotation % resolved.count
    return Array(resolved[start...] + resolved[..<start])
  }

  /// Begins a connection without blocking.
  ///
  /// The caller owns the handle; nil when memory is short.
  func begin(_ resolved: [Host]) -> OpaquePointer? {
    var all = parameters
    all["host"] = resolved.map(\.name).joined(separator: ",")
    all["port"] = resolved.map(\.port).joined(separator: ",")
    if resolved.contains(where: { !$0.address.isEmpty }) {
      all["hostaddr"] = resolved.map(\.address).joined(separator: ",")
    }
    let pairs = all.sorted { $0.key < $1.key }
    var secret = (password?.copy() ?? []) + [0]
    defer {
      secret.withUnsafeMutableBytes {
        if let start = $0.baseAddress { explicit_bzero(start, $0.count) }
      }
    }
    return withCStrings(pairs.map(\.key) + (password == nil ? [] : ["password"])) { keywords in
      secret.withUnsafeBytes { secret in
        withCStrings(
          pairs.map(\.value),
          and: secret.baseAddress?.assumingMemoryBound(to: CChar.self)
        ) { values in PQconnectStartParams(keywords, values, 0) }
      }
    }
  }

  /// Whether a server that only reads will not do.
  var mustBeWritable: Bool {
    let wanted = parameters["target_session_attrs"]
    return wanted == "read-write" || wanted == "primary"
  }
}

/// Lends strings, and one more that is there already, as the array of C strings, ended by a null, that
/// libpq takes.
private func withCStrings<R>(
  _ strings: [String],
  and last: UnsafePointer<CChar>? = nil,
  _ body: (UnsafePointer<UnsafePointer<CChar>?>) -> R
) -> R {
  let copies = strings.map { UnsafePointer(strdup($0)) }
  defer { for copy in copies { free(UnsafeMutablePointer(mutating: copy)) } }
  return (copies + [last, nil]).withUnsafeBufferPointer { buffer in
    guard let base = buffer.baseAddress else { preconditionFailure("The list ends in a null") }
    return body(base)
  }
}
