import Cryptography
import Primitives
import Testing

@testable import LatchkeyOffline

/// A request or receipt as it reaches the server, and what must come of it; a row of `vectors/air-gap.json`.
struct AirGapCase: Sendable, CustomTestStringConvertible {
  enum Kind: String {
    case request
    case release
  }

  let kind: Kind
  let name: String
  let text: String
  /// The key of the license that the server found.
  let licenseKey: String
  let result: Verdict

  var testDescription: String { "\(kind): \(name)" }

  init(
    _ kind: Kind,
    _ name: String,
    _ text: String,
    _ result: Verdict,
    key: String = Vendor.licenseKey
  ) {
    self.kind = kind
    self.name = name
    self.text = text
    self.result = result
    licenseKey = key
  }

  /// What the implementation says.
  func verdict() -> Verdict {
    do throws(Refusal) {
      let secret = try FileSecret(licenseKey: licenseKey)
      switch kind {
      case .request: try LicenseRequest(parsing: Array(text.utf8)).checkProof(by: secret)
      case .release: try DeactivationReceipt(parsing: Array(text.utf8)).checkProof(by: secret)
      }
      return .valid
    } catch {
      return error.verdict
    }
  }

  var json: [UInt8] {
    JSONWriter.object { writer in
      writer.member("kind", kind.rawValue)
      writer.member("name", name)
      writer.member("text", text)
      writer.member("licenseKey", licenseKey)
      writer.member("result", result.rawValue)
    }
  }

  static func all() throws -> [AirGapCase] {
    try requests() + releases()
  }

  private static func requests() throws -> [AirGapCase] {
    func request(_ key: String = Vendor.licenseKey, ttl: Int64? = nil, name: String? = nil) throws
      -> SignedDocument
    {
      try LicenseRequest.make(
        licenseKey: key,
        fingerprint: Vendor.fingerprint,
        ttlSeconds: ttl,
        machineName: name,
        nonce: Vendor.nonce(16),
        at: Vendor.now
      )
    }
    let plain = try request()
    let other = try request("LIC-0123-4567-89AB-CDEG")
    let parts = plain.line.split(separator: ".").map(String.init)
    let otherParts = other.line.split(separator: ".").map(String.init)
    let body = String(decoding: Base64.decode(parts[0]) ?? [], as: UTF8.self)
    func changed(_ old: String, _ new: String) throws -> String {
      let json = body.replacing(old, with: new)
      precondition(json != body, "nothing was changed")
      return try proved(
        json,
        purpose: "latchkey license request 1",
        kind: "request",
        label: "LICENSE REQUEST"
      )
    }
    return [
      Self(.request, "as the machine made it", plain.text, .valid),
      Self(.request, "without markers", plain.line, .valid),
      Self(
        .request,
        "with everything that can be wished for",
        try request(ttl: 604_800, name: "Atelier \"1\"").text,
        .valid
      ),
      Self(
        .request,
        "a key as people type it has two hashes",
        try request("lic-ol23-4567-89ab-cdef").text,
        .valid
      ),
      Self(
        .request,
        "an imported key",
        try request("Ärger & Söhne 2019").text,
        .valid,
        key: "Ärger & Söhne 2019"
      ),
      Self(.request, "another license's key", other.text, .wrongLicenseKey),
      Self(
        .request,
        "the proof of another request",
        "\(parts[0]).\(otherParts[1])",
        .wrongLicenseKey
      ),
      Self(
        .request,
        "the body of another request",
        "\(otherParts[0]).\(parts[1])",
        .wrongLicenseKey
      ),
      Self(
        .request,
        "a proof for receipts",
        try proved(
          body,
          purpose: "latchkey deactivation receipt 1",
          kind: "request",
          label: "LICENSE REQUEST"
        ),
        .wrongLicenseKey
      ),
      Self(.request, "cut", String(plain.text.dropLast(30)), .malformed),
      Self(.request, "a proof that is cut", String(plain.line.dropLast(4)), .malformed),
      Self(
        .request,
        "version 2",
        try changed("\"version\":1", "\"version\":2"),
        .unsupportedVersion
      ),
      Self(
        .request,
        "of the type of receipts",
        try changed("\"type\":\"request\"", "\"type\":\"release\""),
        .malformed
      ),
      Self(.request, "without hashes", try changed("[\"", "[],\"later\":[\""), .malformed),
      Self(
        .request,
        "a nonce that is too short",
        try changed("\"nonce\":\"", "\"nonce\":\"0a\",\"later\":\""),
        .malformed
      ),
      Self(.request, "ttl 0", try changed("\"ttl\":null", "\"ttl\":0"), .malformed),
      Self(
        .request,
        "a fingerprint that is too short",
        try changed(Vendor.fingerprint, "1234567"),
        .malformed
      ),
    ]
  }

  private static func releases() throws -> [AirGapCase] {
    func release(_ text: String, key: String = Vendor.licenseKey) throws -> SignedDocument {
      try DeactivationReceipt.make(
        for: LicenseFile(parsing: Array(text.utf8)),
        provedBy: Vendor.secret(of: key),
        fingerprint: Vendor.fingerprint,
        nonce: Vendor.nonce(16),
        at: Vendor.now
      )
    }
    let plain = try release(Vendor.file())
    let other = try release(Vendor.file { $0.serial = 18 })
    let parts = plain.line.split(separator: ".").map(String.init)
    let otherParts = other.line.split(separator: ".").map(String.init)
    let body = String(decoding: Base64.decode(parts[0]) ?? [], as: UTF8.self)
    return [
      Self(.release, "as the machine made it", plain.text, .valid),
      Self(.release, "without markers", plain.line, .valid),
      Self(
        .release,
        "another license's key",
        plain.text,
        .wrongLicenseKey,
        key: "LIC-0123-4567-89AB-CDEG"
      ),
      Self(
        .release,
        "the serial of another receipt",
        "\(otherParts[0]).\(parts[1])",
        .wrongLicenseKey
      ),
      Self(
        .release,
        "a proof for requests",
        try proved(
          body,
          purpose: "latchkey license request 1",
          kind: "release",
          label: "DEACTIVATION RECEIPT"
        ),
        .wrongLicenseKey
      ),
      Self(.release, "a license file", try Vendor.file(), .malformed),
    ]
  }

  /// A genuine proof under one of the keys, over a body that no machine makes.
  private static func proved(_ body: String, purpose: StaticString, kind: String, label: String)
    throws -> String
  {
    let text = Base64.encode(Array(body.utf8))
    let proof = try Vendor.secret().proof(for: purpose)
      .authenticate(Array("latchkey-\(kind)-1:\(text)".utf8))
    return
      "-----BEGIN LATCHKEY \(label)-----\n\(text).\(Base64.encode(proof))\n-----END LATCHKEY \(label)-----"
  }
}
