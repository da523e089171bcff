import Foundation
import Testing

@testable import latchkey_protogen

/// What the OpenAPI document says of the depot, a contract with every kind of REST face.
@Suite struct OpenAPITests {
  private typealias Object = [String: Any]

  private let document: Object

  init() throws {
    let (contracts, files) = try Contracts.read("Tests/Protos")
    let bytes = try OpenAPIWriter(contracts).write(files).bytes
    document = try #require(try JSONSerialization.jsonObject(with: Data(bytes)) as? Object)
  }

  /// The value at a path of names and indices.
  private func value(_ path: String...) throws -> Any {
    var value: Any = document
    for name in path {
      if let index = Int(name), let array = value as? [Any] {
        value = array[index]
      } else {
        value = try #require((value as? Object)?[name], "\(path)")
      }
    }
    return value
  }

  private func names(_ path: String...) throws -> [String] {
    var value: Any = document
    for name in path { value = try #require((value as? Object)?[name], "\(path)") }
    return try #require(value as? Object).keys.sorted()
  }

  private static let common = [
    "400", "401", "403", "404", "405", "408", "409", "413", "414", "415", "422", "429", "431",
    "500",
    "503",
  ]

  @Test func `every status that an operation can give is there, and no other`() throws {
    let rows: [(path: String, verb: String, success: [String], without: Set<String>)] = [
      ("/depot/check", "post", ["200"], ["405"]),
      ("/depot/items", "post", ["200", "201"], ["405"]),
      // Nothing of its body is read, and a license key has no scope.
      ("/depot/items/{name}/touch", "post", ["200"], ["403", "408", "415"]),
      ("/depot/items/{name}", "patch", ["200"], []),
      ("/depot/{shelf}/load", "post", ["200"], []),
      (
        "/depot/dump", "get", ["200"], ["404", "405", "408", "409", "413", "415", "422"]
      ),
    ]
    for row in rows {
      #expect(
        try names("paths", row.path, row.verb, "responses")
          == row.success + Self.common.filter { !row.without.contains($0) },
        "\(row.verb) \(row.path)"
      )
    }
  }

  @Test func `credentials are named, and that none is needed`() throws {
    func security(_ path: String, _ verb: String) throws -> [[String: [String]]] {
      try #require(try value("paths", path, verb, "security") as? [[String: [String]]])
    }
    // Wherever an API key does, the session of a user does as well.
    #expect(
      try security("/depot/check", "post")
        == [[:], ["apiKey": ["depot:read"]], ["dashboard": ["depot:read"]]]
    )
    #expect(
      try security("/depot/items", "post")
        == [["licenseKey": []], ["apiKey": ["depot:write"]], ["dashboard": ["depot:write"]]]
    )
    #expect(try security("/depot/inspection", "get") == [["dashboard": ["depot:read"]]])
    #expect(try security("/depot/leave", "post") == [["dashboard": []]])
    #expect(try security("/depot/enter", "post") == [])
    #expect(try security("/depot/items/{name}/touch", "post") == [["licenseKey": []]])
    #expect(
      try security("/depot/dump", "get")
        == [["apiKey": ["depot:read"]], ["dashboard": ["depot:read"]]]
    )
    #expect(try names("components", "securitySchemes") == ["apiKey", "dashboard", "licenseKey"])
    #expect(
      try value("components", "securitySchemes", "dashboard", "name") as? String
        == "__Host-latchkey-session"
    )
    #expect(
      try value("components", "securitySchemes", "licenseKey", "name") as? String == "Authorization"
    )
  }

  @Test func `an Idempotency-Key can be sent where it means something`() throws {
    for (path, verb, isThere) in [
      ("/depot/items", "post", true), ("/depot/items/{name}", "patch", true),
      ("/depot/{shelf}/load", "post", false), ("/depot/dump", "get", false),
    ] {
      let operation = try #require(try value("paths", path, verb) as? Object)
      let parameters = operation["parameters"] as? [Object] ?? []
      let references = parameters.compactMap { $0["$ref"] as? String }
      #expect(references == (isThere ? ["#/components/parameters/IdempotencyKey"] : []), "\(path)")
    }
  }

  @Test func `raw bodies have their media type`() throws {
    #expect(
      try names("paths", "/depot/{shelf}/load", "post", "requestBody", "content") == ["text/csv"]
    )
    #expect(
      try names("paths", "/depot/dump", "get", "responses", "200", "content") == ["text/csv"]
    )
    let shelf = try value("paths", "/depot/{shelf}/load", "post", "parameters", "0") as? Object
    #expect(shelf?["in"] as? String == "path")
    #expect((shelf?["schema"] as? Object)?["minLength"] as? Int == 1)
    let dry = try value("paths", "/depot/{shelf}/load", "post", "parameters", "1") as? Object
    #expect(dry?["in"] as? String == "query" && dry?["name"] as? String == "dry")
  }

  @Test func `requests say what is refused`() throws {
    let schema = "components"
    let count = try value(schema, "schemas", "ChangeRequest", "properties", "count") as? Object
    #expect(count?["minimum"] as? Int == 0 && count?["maximum"] as? Int == 1000)
    #expect(count?["type"] as? [String] == ["integer", "null"])
    let name = try value(schema, "schemas", "PutRequest", "properties", "name") as? Object
    #expect(name?["pattern"] as? String == "^[a-z]*$")
    let key = try value(schema, "schemas", "CheckRequest", "properties", "key") as? Object
    #expect(key?["pattern"] as? String == #"^[^\x00]*$"#)
  }

  @Test func `every answer has its headers, refusals those of their own`() throws {
    let all = ["X-RateLimit-Limit", "X-RateLimit-Remaining", "X-RateLimit-Reset", "X-Request-Id"]
    #expect(try names("paths", "/depot/dump", "get", "responses", "200", "headers") == all)
    #expect(try names("components", "responses", "RateLimited", "headers") == ["Retry-After"] + all)
    #expect(
      try names("components", "responses", "Unauthorized", "headers") == ["WWW-Authenticate"] + all
    )
    #expect(try names("components", "responses", "MethodNotAllowed", "headers") == ["Allow"] + all)
    #expect(try names("components", "responses", "Conflict", "headers") == all)
  }

  /// A reference to nothing would make the document worthless to every tool.
  @Test func `every reference leads somewhere`() throws {
    var references: Set<String> = []
    func collect(_ value: Any) {
      if let object = value as? Object {
        for (name, member) in object {
          if name == "$ref", let target = member as? String { references.insert(target) }
          collect(member)
        }
      } else if let array = value as? [Any] {
        array.forEach(collect)
      }
    }
    collect(document)
    #expect(references.count > 20)
    for reference in references {
      var target: Any? = document
      for name in reference.split(separator: "/").dropFirst() {
        target = (target as? Object)?[String(name)]
      }
      #expect(target != nil, "\(reference)")
    }
  }
}
