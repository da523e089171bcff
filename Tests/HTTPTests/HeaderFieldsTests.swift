import CNGHTTP2
import Testing

@testable import HTTP

@Suite struct HeaderFieldsTests {
  @Test func `only fields whose values come again are put into HPACK's table`() {
    var others = HeaderFields()
    others.append("x-signature", "2", isOneOff: true)
    var fields: HeaderFields = ["content-type": "application/json"]
    fields.append("x-request-id", "1", isOneOff: true)
    fields.append(contentsOf: others)
    fields.append("x-secret", "3", isSecret: true)
    let oneOff = NGHTTP2_NV_FLAG_NO_INDEX.rawValue
    let sent = SentNames()
    func flags() -> [UInt32] {
      fields.withNameValues(sent: sent) { $0.map { UInt32($0.flags) & oneOff } }
    }
    // The first of a name makes the name known, unless it is a secret.
    #expect(flags() == [0, 0, 0, oneOff])
    #expect(flags() == [0, oneOff, oneOff, oneOff])
    fields.append("x-request-id", "4", isOneOff: true)
    #expect(flags() == [0, oneOff, oneOff, oneOff, oneOff])
  }

  @Test func `the last fields can be taken away`() {
    var fields: HeaderFields = ["a": "1", "b": "2", "c": "3"]
    fields.removeLast(2)
    fields.append("d") { $0.append(UInt8(ascii: "4")) }
    #expect((0..<fields.count).map { fields[at: $0].name } == ["a", "d"])
    #expect(fields["d"] == "4" && fields["b"] == nil && fields.listBytes == 4 + 64)
    fields.removeLast(2)
    #expect(fields.isEmpty && fields.listBytes == 0)
  }
}
