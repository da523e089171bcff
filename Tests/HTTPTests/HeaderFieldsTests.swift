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
    let flags = fields.withNameValues { $0.map { UInt32($0.flags) } }
    #expect(flags == [0, NGHTTP2_NV_FLAG_NO_INDEX.rawValue, NGHTTP2_NV_FLAG_NO_INDEX.rawValue])
  }
}
