import Testing

@testable import GatewayService

@Suite struct RouterTests {
  private static let router: Router<String> = {
    var router = Router<String>()
    for (method, template) in [
      ("POST", "/api/v1/licenses/validate-key"), ("POST", "/api/v1/licenses"),
      ("GET", "/api/v1/licenses"), ("GET", "/api/v1/licenses/{id}"),
      ("PATCH", "/api/v1/licenses/{id}"), ("GET", "/api/v1/licenses/by-key/{key}"),
      ("POST", "/api/v1/licenses/{id}/suspend"), ("GET", "/api/v1/products/{id}"),
      ("GET", "/keys/{id}.json"), ("GET", "/both/{id}"), ("GET", "/both/{id}.json"),
    ] {
      router.add(method: method, template: template, target: "\(method) \(template)")
    }
    return router
  }()

  /// What a lookup gives, as one line.
  private func match(_ method: String, _ path: String) -> String {
    let bytes = Array(path.utf8)
    switch Self.router.match(method: method, path: bytes[...]) {
    case .found(let target, let parameters):
      let values = parameters.map { String(decoding: bytes[$0], as: UTF8.self) }
      return ([target] + values).joined(separator: " | ")
    case .methodNotAllowed(let allowed): return "405 " + allowed.joined(separator: ", ")
    case .notFound: return "404"
    }
  }

  @Test(arguments: [
    ("POST", "/api/v1/licenses/validate-key", "POST /api/v1/licenses/validate-key"),
    ("POST", "/api/v1/licenses", "POST /api/v1/licenses"),
    ("GET", "/api/v1/licenses", "GET /api/v1/licenses"),
    ("HEAD", "/api/v1/licenses", "GET /api/v1/licenses"),
    ("GET", "/api/v1/licenses/42", "GET /api/v1/licenses/{id} | 42"),
    ("PATCH", "/api/v1/licenses/42", "PATCH /api/v1/licenses/{id} | 42"),
    ("GET", "/api/v1/licenses/by-key/A%2FB", "GET /api/v1/licenses/by-key/{key} | A%2FB"),
    ("POST", "/api/v1/licenses/42/suspend", "POST /api/v1/licenses/{id}/suspend | 42"),
    // A literal and a parameter can both lead on; the one that reaches a route counts.
    ("POST", "/api/v1/licenses/by-key/suspend", "405 GET, HEAD, OPTIONS"),
    (
      "POST", "/api/v1/licenses/validate-key/suspend",
      "POST /api/v1/licenses/{id}/suspend | validate-key"
    ),
    ("GET", "/api/v1/licenses/by-key", "GET /api/v1/licenses/{id} | by-key"),
    ("GET", "/api/v1/licenses/validate-key", "405 OPTIONS, POST"),
    ("DELETE", "/api/v1/licenses", "405 GET, HEAD, OPTIONS, POST"),
    ("get", "/api/v1/licenses", "405 GET, HEAD, OPTIONS, POST"),
    ("OPTIONS", "/api/v1/products/1", "405 GET, HEAD, OPTIONS"),
    ("GET", "/", "404"), ("GET", "", "404"), ("GET", "*", "404"), ("GET", "api/v1/licenses", "404"),
    ("GET", "/api/v1", "404"), ("GET", "/api/v1/nothing", "404"),
    ("GET", "/api/v1/licenses/", "404"), ("GET", "/api/v1//licenses", "404"),
    ("GET", "//api/v1/licenses", "404"), ("GET", "/api/v1/licenses/42/", "404"),
    ("GET", "/api/v1/licenses/by-key/a/b", "404"), ("GET", "/API/v1/licenses", "404"),
    ("GET", "/api/v1/../v1/licenses", "404"),
    // What must follow a parameter in its segment is no part of its value, and must be there.
    ("GET", "/keys/a.json", "GET /keys/{id}.json | a"),
    ("GET", "/keys/a.b.json", "GET /keys/{id}.json | a.b"),
    ("GET", "/both/a.json", "GET /both/{id}.json | a"), ("GET", "/both/a", "GET /both/{id} | a"),
    ("GET", "/keys/a", "404"), ("GET", "/keys/.json", "404"), ("GET", "/keys/a.json/b", "404"),
    ("GET", "/keys/a.JSON", "404"), ("GET", "/keys/json", "404"),
    ("POST", "/keys/a.json", "405 GET, HEAD, OPTIONS"),
  ])
  func `a request finds its route`(method: String, path: String, expected: String) {
    #expect(match(method, path) == expected)
  }

  @Test func `a path of very many segments is only not found`() {
    #expect(match("GET", String(repeating: "/a", count: 8_000)) == "404")
  }
}

@Suite struct PercentEncodingTests {
  @Test(arguments: [
    ("", "", ""), ("abc", "abc", "abc"), ("a%2Fb", "a/b", "a/b"), ("a%2fb", "a/b", "a/b"),
    ("%20+", " +", "  "), ("%2B", "+", "+"), ("%25%32%30", "%20", "%20"), ("%C3%A9", "é", "é"),
  ])
  func `bytes are decoded`(text: String, inPath: String, inQuery: String) {
    let bytes = Array(text.utf8)
    #expect(PercentEncoding.decode(bytes[...]) == Array(inPath.utf8))
    #expect(PercentEncoding.decode(bytes[...], plusIsSpace: true) == Array(inQuery.utf8))
  }

  @Test(arguments: ["%", "%2", "a%", "%zz", "%2g", "%%20", "% 20", "%-1"])
  func `half an escape is refused`(text: String) {
    #expect(PercentEncoding.decode(Array(text.utf8)[...]) == nil)
  }
}
