import Cryptography
import Primitives

/// Feeds the readers of LatchkeyOffline with what libFuzzer thinks of, and checks what must hold for any input.
///
/// The first byte chooses the reader. Most of them get the JSON inside a file, which the fuzzer could not put into
/// base 64 by itself.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzzOffline(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
  guard let start, count > 0 else { return 0 }
  let input = Array(UnsafeBufferPointer(start: start + 1, count: count - 1))
  switch start[0] % 8 {
  case 0: checkJSON(input)
  case 1: checkFile(input)
  case 2: checkHeader(input)
  case 3: checkKeyset(input)
  case 4: checkDocument(input, checkRevocations)
  case 5: checkPublishedKeys(input)
  case 6: checkDocument(input, checkRequest)
  default: checkDocument(input, checkReceipt)
  }
  return 0
}

/// Stops the fuzzer, which keeps the input; unlike `precondition`, this says why in an optimised build too.
private func check(_ condition: Bool, _ message: StaticString) {
  if !condition { fatalError("\(message)") }
}

private let key = Ed25519PrivateKey(seed: SecretBytes(count: 32) { $0[0] = 1 })
private let trusted = TrustedKeys([key.publicKey])
private let now = Timestamp(milliseconds: 1_774_948_800_000)

/// What is read is UTF-8, ends where it ends, and is not read when its end is missing.
private func checkJSON(_ text: [UInt8]) {
  let isPlain = JSONCheck.isPlainObject(text, whoseObjectsAre: [])
  guard let value = try? JSONReader.read(text) else {
    return check(!isPlain, "a glance accepts what the reader refuses")
  }
  if isPlain { check(isObject(value), "a glance takes something else for an object") }
  check(String(validating: text, as: UTF8.self) != nil, "JSON is not UTF-8")
  check((try? JSONReader.read(text + [0x20])) != nil, "white space matters")
  check((try? JSONReader.read(text + [0x2c])) == nil, "something may follow a value")
  guard case .object(let members) = value else { return }
  check(Set(members.map { Array($0.name.utf8) }).count == members.count, "a name occurs twice")
  let end = text.lastIndex(of: UInt8(ascii: "}")) ?? 0
  check((try? JSONReader.read(Array(text[..<end]))) == nil, "an object may be cut")
}

private func isObject(_ value: JSONValue) -> Bool {
  guard case .object = value else { return false }
  return true
}

/// Nothing that is not signed is valid, and what is read reads the same from its line.
private func checkFile(_ text: [UInt8]) {
  check(Verifier(keys: trusted).verify(text, at: now).verdict != .valid, "a forged file is valid")
  guard let file = try? LicenseFile(parsing: text) else { return }
  check(text.count <= Armor.textBytesMax, "a file is too large")
  let line = Array(file.line.texts.joined(separator: [UInt8(ascii: ".")]))
  let start = Array(line.prefix { $0 != UInt8(ascii: ".") })
  let last = Array(line[(start.count + 1)...])
  let again = try? LicenseFile(parsing: Array(LicenseFile.armor.text(start, last: last).utf8))
  check(again?.header == file.header, "a file reads otherwise with its markers")
  check((try? LicenseFile(parsing: line.dropLast())) == nil, "a file may be cut")
}

/// A header that is read says the same when it is written; a file with it can be made and is valid in its time.
private func checkHeader(_ json: [UInt8]) {
  guard var header = try? LicenseFileHeader(json: json) else { return }
  check((try? LicenseFileHeader(json: header.json)) == header, "a header changes on its way")
  header.keyID = key.publicKey.id
  let unsigned = try? LicenseFile.unsigned(
    header,
    payload: LicenseFilePayload(license: Array("{}".utf8), policy: Array("{}".utf8)),
    sealedBy: FileSecret([UInt8](repeating: 7, count: FileSecret.byteCount))
  )
  guard let unsigned else { fatalError("a header that was read cannot be made") }
  let text = unsigned.signed(by: key.sign(unsigned.bytesToSign)).text
  guard header.issuedAt <= header.expiresAt, header.notBefore <= header.expiresAt else {
    check((try? LicenseFile(parsing: Array(text.utf8))) == nil, "a file ends before it begins")
    return
  }
  let verifier = Verifier(keys: trusted)
  for moment in [now, header.issuedAt, header.notBefore, header.expiresAt] {
    let isInTime =
      header.issuedAt <= moment + .seconds(300) && header.notBefore <= moment + .seconds(300)
      && moment < header.expiresAt
    let outcome = verifier.verify(Array(text.utf8), at: moment)
    check((outcome.verdict == .valid) == isInTime, "a file is valid out of its time, or not in it")
    check((try? JSONReader.read(outcome.json)) != nil, "an outcome is not JSON")
  }
}

/// The line of a document with this body, and a last part of so many bytes that proves nothing.
private func line(_ body: [UInt8], _ count: Int) -> [UInt8] {
  Line.encoded(body) + [UInt8(ascii: ".")] + Line.encoded([UInt8](repeating: 0, count: count))
}

private func checkDocument(_ body: [UInt8], _ check: ([UInt8]) -> Void) {
  check(body)
  _ = try? AnyDocument(parsing: line(body, 64))
  _ = try? AnyDocument(parsing: body)
}

private func checkKeyset(_ body: [UInt8]) {
  for kind in [Keyset.Kind.succession, .keyset] {
    let name: Statement.Kind = kind == .succession ? .succession : .keyset
    guard let statement = try? Statement(parsing: line(body, 64), as: name) else { continue }
    check(!statement.isSigned(by: key.publicKey), "a forged statement is signed")
    guard let keyset = try? Keyset(statement) else { continue }
    let unsigned = keyset.unsigned(as: kind, signer: key.publicKey)
    let text = unsigned.signed(by: key.sign(unsigned.bytesToSign)).text
    guard let again = try? Statement(parsing: Array(text.utf8), as: name) else {
      fatalError("a statement that was made cannot be read")
    }
    check(again.isSigned(by: key.publicKey), "a statement is not signed")
    check((try? Keyset(again)) == keyset, "a keyset changes on its way")
  }
}

private func checkRevocations(_ body: [UInt8]) {
  check(
    (try? RevocationList(parsing: line(body, 64), trusting: trusted, at: now)) == nil,
    "a forged list is accepted"
  )
}

private func checkPublishedKeys(_ json: [UInt8]) {
  guard let published = try? PublishedKeys(json: json) else { return }
  check((try? PublishedKeys(json: published.json)) == published, "keys change on their way")
  let keys = try? TrustedKeys(root: key.publicKey, published: published, at: now)
  check(keys == nil, "forged keys are accepted")
}

private let secret = FileSecret([UInt8](repeating: 7, count: FileSecret.byteCount))

private func checkRequest(_ body: [UInt8]) {
  guard let request = try? LicenseRequest(parsing: line(body, 32)) else { return }
  check((1...2).contains(request.licenseKeyHashes.count), "a request names no license")
  check((try? request.checkProof(by: secret)) == nil, "a forged request is proved")
}

private func checkReceipt(_ body: [UInt8]) {
  guard let receipt = try? DeactivationReceipt(parsing: line(body, 32)) else { return }
  check((try? receipt.checkProof(by: secret)) == nil, "a forged receipt is proved")
}
