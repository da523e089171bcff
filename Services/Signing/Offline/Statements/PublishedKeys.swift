public import Primitives

/// The document at `/.well-known/latchkey/keys/{account}.json`: everything that a verifier needs beside the root.
///
/// The document itself is not signed; the statements within it are, each bound to account and environment.
public struct PublishedKeys: Sendable, Equatable {
  /// The statements of one environment, each with or without its markers.
  public struct Entry: Sendable, Equatable {
    /// The data set.
    public var environment: Environment
    /// By the root.
    public var succession: String
    /// By the active key; nil where the succession says all.
    public var keyset: String?
    /// The latest list of revoked serials, if there is one.
    public var revocations: String?

    /// Makes an entry.
    public init(
      environment: Environment,
      succession: String,
      keyset: String?,
      revocations: String?
    ) {
      self.environment = environment
      self.succession = succession
      self.keyset = keyset
      self.revocations = revocations
    }
  }

  /// Whose keys they are.
  public var accountID: UUID
  /// One for each environment that has keys.
  public var entries: [Entry]

  /// Makes a document.
  public init(accountID: UUID, entries: [Entry]) {
    self.accountID = accountID
    self.entries = entries
  }

  /// The document as JSON.
  public var json: [UInt8] {
    JSONWriter.object { writer in
      writer.member("version", 1)
      writer.member("accountId", accountID)
      writer.member("keysets", objects: entries) { writer, entry in
        writer.member("environment", entry.environment.rawValue)
        writer.member("succession", entry.succession)
        writer.member("keyset", entry.keyset)
        writer.member("revocations", entry.revocations)
      }
    }
  }

  /// Two environments with three statements each.
  private static let jsonBytesMax = 4_194_304
  private static let entriesMax = 2

  /// Reads a document.
  ///
  /// - Throws: ``Refusal`` ``Verdict/invalidKeys``.
  public init(json: [UInt8]) throws(Refusal) {
    do throws(Refusal) {
      guard json.count <= Self.jsonBytesMax else {
        throw Refusal(.malformed, "larger than \(Self.jsonBytesMax) bytes")
      }
      let fields = try Fields(json)
      try fields.checkVersion()
      accountID = try fields.id("accountId")
      entries = []
      for fields in try fields.objects("keysets", countMax: Self.entriesMax) {
        entries.append(try Entry(fields))
      }
    } catch {
      throw error.renamed(.invalidKeys, in: "the document of keys")
    }
  }
}

extension PublishedKeys.Entry {
  fileprivate init(_ fields: Fields) throws(Refusal) {
    func statement(_ fields: Fields, _ name: String) throws(Refusal) -> String {
      try fields.text(name, bytes: 1...Armor.textBytesMax)
    }
    environment = try fields.environment("environment")
    succession = try statement(fields, "succession")
    keyset = try fields.optional("keyset", statement)
    revocations = try fields.optional("revocations", statement)
  }
}
