import Faults
import Testing

@testable import ServiceKit

/// Which of several places counts, and what is said of each mistake.
@Suite struct SettingSourcesTests {
  /// A reader of arguments, variables, and the text of a file called `f`.
  private func reader(
    _ arguments: [String] = [],
    _ environment: [String: String] = [:],
    file: String = ""
  ) -> SettingsReader {
    SettingsReader(
      SettingSources(
        flags: ServiceArguments(arguments).flags,
        environment: environment,
        file: file.isEmpty ? nil : SettingsListing(path: "f", bytes: Array(file.utf8))
      )
    )
  }

  /// Every complaint as it is logged, of a program with one mandatory setting and an optional one.
  private func complaints(
    _ arguments: [String] = [],
    _ environment: [String: String] = [:],
    file: String = ""
  ) -> [String] {
    let reader = reader(arguments, environment, file: file)
    _ = reader.endpoint("LATCHKEY_RPC_LISTEN", "a place")
    _ = reader.endpoint("LATCHKEY_METRICS_LISTEN", "another place", isOptional: true)
    do throws(Fault) {
      try reader.finish()
      return []
    } catch {
      return error.issues.map { "\($0.path.joined(separator: ".")) \($0.message)" }
    }
  }

  @Test(
    arguments: [
      (["--rpc-listen", "flag:1"], "variable:1", "line:1", "flag"),
      (["--rpc-listen=flag:1"], "variable:1", "line:1", "flag"),
      ([], "variable:1", "line:1", "variable"),
      ([], "", "line:1", "line"),
      ([], "", "", "default"),
    ] as [([String], String, String, String)]
  )
  func
    `flags go before the environment, that before the file, that before the default`(
      arguments: [String],
      variable: String,
      line: String,
      host: String
    ) throws
  {
    let reader = reader(
      arguments,
      ["LATCHKEY_RPC_LISTEN": variable],
      file: "LATCHKEY_RPC_LISTEN=\(line)\n"
    )
    let endpoint = reader.endpoint(
      "LATCHKEY_RPC_LISTEN",
      "a place",
      default: Endpoint(host: "default", port: 1)
    )
    try reader.finish()
    #expect(endpoint?.host == host)
  }

  @Test(
    arguments: [
      (["--rpc-listen", "h:1"], []),
      ([], ["LATCHKEY_RPC_LISTEN is not set; expected host:port"]),
      (["--rpc-listen", "h"], ["--rpc-listen is 'h'; expected host:port"]),
      (["--rpc-listen"], ["--rpc-listen has no value; write --rpc-listen HOST:PORT"]),
      (["--rpc-listen="], ["--rpc-listen has no value; write --rpc-listen HOST:PORT"]),
      (
        ["--rpc-listen", "--metrics-listen", "h:1"],
        ["--rpc-listen has no value; write --rpc-listen HOST:PORT"]
      ),
      (
        ["--rpc-listen", "h:1", "--rpc-listen=h:2"],
        ["--rpc-listen is there more than once; leave one of them"]
      ),
      (
        ["--rpc-listen=h:1", "--rpc-listem=h:1"],
        ["--rpc-listem is not a setting of this program; --help lists them"]
      ),
      // Of another service, which a flag cannot be meant for.
      (
        ["--rpc-listen=h:1", "--https-listen=h:1"],
        ["--https-listen is not a setting of this program; --help lists them"]
      ),
      (
        ["--rpc-listen=h:1", "--RPC_LISTEN=h:1"],
        ["--RPC_LISTEN is not a setting of this program; --help lists them"]
      ),
      (["--rpc-listen=h:1\u{1B}[2J"], ["--rpc-listen is not acceptable; expected host:port"]),
      (
        ["--rpc-listen=h:1", "--config=/does/not/exist"],
        ["--config is '/does/not/exist'; expected the path of a file that this process can read"]
      ),
    ] as [([String], [String])]
  )
  func `mistakes on the command line are told in a sentence`(
    arguments: [String],
    sentences: [String]
  ) {
    #expect(complaints(arguments) == sentences)
  }

  @Test(
    arguments: [
      ("LATCHKEY_RPC_LISTEN=h:1", []),
      ("# a comment\n\n  LATCHKEY_RPC_LISTEN='h:1'\r\nLATCHKEY_METRICS_LISTEN=\n", []),
      // Another service's.
      ("LATCHKEY_RPC_LISTEN=h:1\nLATCHKEY_HTTPS_LISTEN=h:1", []),
      ("LATCHKEY_RPC_LISTEN=h", ["f:1: LATCHKEY_RPC_LISTEN is 'h'; expected host:port"]),
      (
        "\nLATCHKEY_RPC_LISTEN=h:1\nLATCHKEY_RPC_LISTEN=h:1",
        ["f:3: LATCHKEY_RPC_LISTEN is there a second time; leave one of the lines"]
      ),
      (
        "LATCHKEY_RPC_LISTEN=h:1\nLATCHKEY_RPC_LISTEM=h:1\nPATH=/bin",
        [
          "f:2: LATCHKEY_RPC_LISTEM is not a setting of this program; remove it, or correct its name (--help lists them)",
          "f:3: PATH is not a setting of this program; remove it, or correct its name (--help lists them)",
        ]
      ),
      (
        "LATCHKEY_CONFIG=/etc/other\nLATCHKEY_RPC_LISTEN=h:1",
        [
          "f:1: LATCHKEY_CONFIG is not a setting of this program; remove it, or correct its name (--help lists them)"
        ]
      ),
      // What these lines hold is not repeated.
      (
        "LATCHKEY_RPC_LISTEN=h:1\nhunter2\n=x\nLATCHKEY_METRICS_LISTEN=\"h:1\"\nexport A=1",
        (2...5).map { "f:\($0): is no setting; write NAME=VALUE, or NAME='VALUE'" }
      ),
    ] as [(String, [String])]
  )
  func `mistakes in a file are told in a sentence, with the line`(
    file: String,
    sentences: [String]
  ) {
    #expect(complaints(file: file) == sentences)
  }

  @Test func `a misspelt variable is told in a sentence`() {
    #expect(
      complaints([], ["LATCHKEY_RPC_LISTEN": "h:1", "LATCHKEY_RPC_LISTEM": "h:1", "HOME": "/"]) == [
        "LATCHKEY_RPC_LISTEM is not a setting of this program; remove it, or correct its name (--help lists them)"
      ]
    )
  }

  @Test func `what is printed is grouped by where it is from, and is a file again`() throws {
    func read(_ reader: SettingsReader) throws -> String {
      _ = try reader.require(
        reader.endpoint("LATCHKEY_RPC_LISTEN", "a place"),
        reader.databaseURL("LATCHKEY_DATABASE_URL", "a database"),
        reader.isOn("LATCHKEY_RATE_LIMITS", "limits", default: true)
      )
      _ = reader.endpoint("LATCHKEY_METRICS_LISTEN", "another place", isOptional: true)
      _ = reader.integer("LATCHKEY_PRODUCTS_MAX", "products", isOptional: true, in: 1...9)
      return reader.printedConfiguration
    }
    let first = reader(
      ["--rpc-listen", "[::1]:0"],
      ["LATCHKEY_DATABASE_URL": "host='/it\\'s a/folder' user=keys"],
      file: "LATCHKEY_PRODUCTS_MAX=3"
    )
    let printed = try read(first)
    #expect(
      printed == """
        # flags
        LATCHKEY_RPC_LISTEN='[::1]:0'

        # environment
        LATCHKEY_DATABASE_URL='host='\\''/it\\'\\''s a/folder'\\'' user=keys'

        # file f
        LATCHKEY_PRODUCTS_MAX=3

        # default
        LATCHKEY_RATE_LIMITS=on
        # LATCHKEY_METRICS_LISTEN is not set

        """
    )
    let second = reader(file: printed)
    _ = try read(second)
    #expect(second.values == first.values)
  }

  /// No setting is a secret, and what slips through is caught as in logs.
  @Test func `what looks like a secret is blotted out`() throws {
    let reader = reader(["--acme-webroot=/tmp/lk_live_0123456789"])
    let setting = Setting("LATCHKEY_ACME_WEBROOT", "DIR", "a folder", expected: "a folder")
    _ = reader.value(setting) { $0 }
    try reader.finish()
    #expect(
      reader.printedConfiguration
        == "# flags\nLATCHKEY_ACME_WEBROOT='/tmp/lk_live_[redacted]'\n"
    )
  }
}
