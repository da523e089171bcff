internal import ServiceKit

/// What `latchkey up` prints when all is well: where things are, and the first calls to make.
struct Instructions {
  var environment: DevEnvironment
  var directory: DataDirectory

  /// The text.
  ///
  /// The calls are those of README.md.
  var text: String {
    let url = environment["LATCHKEY_URL"] ?? ""
    let key = environment["LATCHKEY_TEST_API_KEY"] ?? ""
    let file = SettingVariable.quoted(directory.environmentFile)
    return """

      Latchkey serves \(url)

        test API key   \(key)
        all settings   \(directory.environmentFile)
        logs           \(directory.logs)
        webhooks       may be sent to http://localhost here; in production to public https addresses only

      To make a license and validate it, in another terminal:

      . \(file); \(Instructions.calls.joined(separator: "\n"))

      Ctrl-C, or latchkey down --data-dir \(SettingVariable.quoted(directory.path)), stops everything; the data stays.

      """
  }

  /// The first calls, as a shell runs them after `. dev.env`.
  static let calls = [
    """
    PRODUCT=$(\(post("products", #"{"name":"Atelier","code":"atelier","keyPrefix":"ATL"}"#)) | jq -r .data.id)
    """,
    """
    POLICY=$(\(post("policies", policy)) | jq -r .data.id)
    """,
    """
    LICENSE=$(\(post("licenses", #"{"productId":"'$PRODUCT'","policyId":"'$POLICY'"}"#)) | jq -r .data.key)
    """,
    """
    curl -sS --cacert "$LATCHKEY_CA_FILE" \\
      "$LATCHKEY_URL/api/v1/licenses/validate-key" --json '{"key":"'$LICENSE'"}'
    """,
  ]

  private static let policy =
    #"{"productId":"'$PRODUCT'","name":"Studio","maxMachines":3,"requireFingerprint":false}"#

  private static func post(_ collection: String, _ body: String) -> String {
    """
    curl -sS --cacert "$LATCHKEY_CA_FILE" --oauth2-bearer "$LATCHKEY_TEST_API_KEY" \\
      "$LATCHKEY_URL/api/v1/\(collection)" --json '\(body)'
    """
  }
}
