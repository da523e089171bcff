/// Finds the route of a request: a tree of path segments, built once at the start.
///
/// A path is split at `/` first and decoded afterwards, so that `%2F` within a license key stays one
/// segment. A literal segment is preferred to a parameter, which may have to end in a text of its own (`{id}.json`); `/`
/// at the end makes a different path, which is not found rather than redirected (clients of the contract treat a
/// redirect as an error).
struct Router<Target> {
  /// What a lookup found.
  enum Match {
    /// A route, and where its parameters lie within the path, in the template's order.
    case found(Target, parameters: [Range<Int>])
    /// The path exists, but not with this method; these are the ones it has, sorted.
    case methodNotAllowed(allowed: [String])
    /// No route has such a path.
    case notFound
  }

  fileprivate struct Node {
    var literals: [(segment: [UInt8], node: Int)] = []
    /// Parameters, by the text that must follow them in their segment.
    var parameters: [(suffix: [UInt8], node: Int)] = []
    var targets: [(method: String, target: Target)] = []
  }

  /// The root is the first.
  private var nodes = [Node()]

  /// Adds a route.
  ///
  /// - Parameters:
  ///   - method: The HTTP method, in capitals.
  ///   - template: A path such as `/api/v1/licenses/{id}`; braces at its beginning make a segment a parameter.
  ///   - target: What a match yields.
  mutating func add(method: String, template: String, target: Target) {
    precondition(template.utf8.first == UInt8(ascii: "/"), "A template begins with a slash.")
    var current = 0
    for segment in template.utf8.dropFirst().split(
      separator: UInt8(ascii: "/"),
      omittingEmptySubsequences: false
    ) {
      guard segment.first == UInt8(ascii: "{"), let end = segment.firstIndex(of: UInt8(ascii: "}"))
      else {
        current = literal(Array(segment), below: current)
        continue
      }
      current = parameter(Array(segment[segment.index(after: end)...]), below: current)
    }
    precondition(
      !nodes[current].targets.contains { $0.method == method },
      "\(method) \(template) exists twice."
    )
    nodes[current].targets.append((method, target))
  }

  /// Looks up a request.
  ///
  /// - Parameters:
  ///   - method: The HTTP method as sent. `HEAD` finds what `GET` finds.
  ///   - path: The path as sent, without the query.
  /// - Returns: The route, or why there is none.
  func match(method: String, path: ArraySlice<UInt8>) -> Match {
    guard path.first == UInt8(ascii: "/") else { return .notFound }
    var parameters: [Range<Int>] = []
    guard let found = find(path, from: path.startIndex + 1, below: 0, &parameters) else {
      return .notFound
    }
    let targets = nodes[found].targets
    for entry in targets where entry.method == method {
      return .found(entry.target, parameters: parameters)
    }
    if method == "HEAD", let entry = targets.first(where: { $0.method == "GET" }) {
      return .found(entry.target, parameters: parameters)
    }
    var allowed = targets.map(\.method) + ["OPTIONS"]
    if allowed.contains("GET") { allowed.append("HEAD") }
    return .methodNotAllowed(allowed: allowed.sorted())
  }

  /// The node where a path ends, tried along literals first.
  ///
  /// Paths are as long as requests may be, but the
  /// search is never deeper than the longest template.
  private func find(
    _ path: ArraySlice<UInt8>,
    from start: Int,
    below node: Int,
    _ parameters: inout [Range<Int>]
  ) -> Int? {
    var end = start
    while end < path.endIndex, path[end] != UInt8(ascii: "/") { end += 1 }
    let isLast = end == path.endIndex
    for (segment, child) in nodes[node].literals where Self.equal(path, start..<end, segment) {
      if isLast {
        if !nodes[child].targets.isEmpty { return child }
      } else if let found = find(path, from: end + 1, below: child, &parameters) {
        return found
      }
    }
    for (suffix, child) in nodes[node].parameters {
      let valueEnd = end - suffix.count
      guard start < valueEnd, Self.equal(path, valueEnd..<end, suffix) else { continue }
      parameters.append(start..<valueEnd)
      if isLast {
        if !nodes[child].targets.isEmpty { return child }
      } else if let found = find(path, from: end + 1, below: child, &parameters) {
        return found
      }
      parameters.removeLast()
    }
    return nil
  }

  private static func equal(_ path: ArraySlice<UInt8>, _ range: Range<Int>, _ segment: [UInt8])
    -> Bool
  {
    guard range.count == segment.count else { return false }
    for offset in 0..<segment.count where path[range.lowerBound + offset] != segment[offset] {
      return false
    }
    return true
  }

  private mutating func literal(_ segment: [UInt8], below node: Int) -> Int {
    if let known = nodes[node].literals.first(where: { $0.segment == segment }) {
      return known.node
    }
    nodes.append(Node())
    nodes[node].literals.append((segment, nodes.count - 1))
    return nodes.count - 1
  }

  private mutating func parameter(_ suffix: [UInt8], below node: Int) -> Int {
    if let known = nodes[node].parameters.first(where: { $0.suffix == suffix }) {
      return known.node
    }
    nodes.append(Node())
    nodes[node].parameters.append((suffix, nodes.count - 1))
    // The longest first: `{id}` would take what ends in `.json` as well.
    nodes[node].parameters.sort { $0.suffix.count > $1.suffix.count }
    return nodes.count - 1
  }
}

extension Router: Sendable where Target: Sendable {}
extension Router.Match: Sendable where Target: Sendable {}
extension Router.Node: Sendable where Target: Sendable {}
