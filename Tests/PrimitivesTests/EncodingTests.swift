import Foundation
import Primitives
import Testing

/// Bytes of every value and of every length up to 70, the same in each run.
private let samples: [[UInt8]] = (0...70).map { count in
  (0..<count).map { UInt8(truncatingIfNeeded: $0 * 151 + count * 17) }
}

@Suite struct HexTests {
  @Test func `bytes go both ways`() {
    for sample in samples {
      #expect(Hex.decode(Hex.encode(sample)) == sample)
      #expect(Hex.decode(Hex.encode(sample).uppercased()) == sample)
      var output: [UInt8] = []
      Hex.append(sample, to: &output)
      #expect(String(decoding: output, as: UTF8.self) == Hex.encode(sample))
    }
    #expect(Hex.encode([0x00, 0x9f, 0xa0, 0xff]) == "009fa0ff")
  }

  @Test(arguments: ["0", "0g", "0x00", "00 ", "é", "/0", ":0", "@0", "`0"])
  func `other text is refused`(text: String) {
    #expect(Hex.decode(text) == nil)
  }
}

@Suite struct Base64Tests {
  @Test(arguments: [
    ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="),
    ("fooba", "Zm9vYmE="), ("foobar", "Zm9vYmFy"),
  ])
  func `the vectors of RFC 4648 hold`(plain: String, text: String) {
    #expect(Base64.encode(Array(plain.utf8)) == text)
    #expect(Base64.decode(text) == Array(plain.utf8))
  }

  @Test func `bytes agree with Foundation in both alphabets`() {
    for sample in samples {
      let text = Data(sample).base64EncodedString()
      let url = text.replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
      #expect(Base64.encode(sample) == text)
      #expect(Base64.decode(text) == sample)
      #expect(Base64.encode(sample, alphabet: .url) == url)
      #expect(Base64.decode(url, alphabet: .url) == sample)
      #expect(Base64.decode(text, padding: .optional) == sample)
      #expect(Base64.decode(text.replacing("=", with: ""), padding: .optional) == sample)
    }
  }

  @Test(arguments: [
    "Z", "Zg", "Zg=", "Zg===", "=", "==", "====", "Zg==Zg==", "Z=g=", "Zh==", "Zm9=", "Zm9v\n",
    " Zm9v", "Zm_v", "Zm-v", "Zm9é",
  ])
  func `the standard alphabet refuses`(text: String) {
    #expect(Base64.decode(text) == nil)
  }

  @Test(arguments: ["Z", "Zg==", "Zh", "Zm9", "Zm+v", "Zm/v", "Zm9v="])
  func `the URL alphabet refuses`(text: String) {
    #expect(Base64.decode(text, alphabet: .url) == nil)
  }

  @Test(arguments: ["Zg=", "Zg===", "Z", "Z==="])
  func `optional padding is all or nothing`(text: String) {
    #expect(Base64.decode(text, padding: .optional) == nil)
  }
}

@Suite struct Base62Tests {
  @Test func `each value has its own character, in ASCII order`() {
    let characters = (0..<Base62.radix).map(Base62.character)
    #expect(Set(characters).count == 62)
    #expect(characters == characters.sorted())
    #expect(characters.map(Base62.value(of:)) == (0..<Base62.radix).map(Optional.some))
    let others = (0...UInt8.max).filter { !characters.contains($0) }
    #expect(others.allSatisfy { Base62.value(of: $0) == nil })
  }

  @Test(arguments: [
    (0, "000000"), (61, "00000z"), (62, "000010"), (UInt64(UInt32.max), "4gfFC3"),
    (56_800_235_583, "zzzzzz"),
  ])
  func `numbers are written in a fixed width`(number: UInt64, text: String) {
    var output: [UInt8] = []
    Base62.append(number, width: 6, to: &output)
    #expect(String(decoding: output, as: UTF8.self) == text)
  }
}

@Suite struct CrockfordBase32Tests {
  private let alphabet = Array("0123456789ABCDEFGHJKMNPQRSTVWXYZ".utf8)

  @Test func `the alphabet is the published one`() {
    #expect((0..<32).map(CrockfordBase32.symbol) == alphabet)
    for byte in UInt8.min...UInt8.max {
      let upper = (97...122).contains(byte) ? byte - 32 : byte
      let index = alphabet.firstIndex(of: upper).map(UInt8.init)
      #expect(CrockfordBase32.value(of: byte) == index)
    }
  }

  @Test(arguments: [
    ("I", "1"), ("i", "1"), ("L", "1"), ("l", "1"), ("O", "0"), ("o", "0"), ("k", "K"), ("7", "7"),
  ])
  func `look-alikes are folded`(typed: Unicode.Scalar, meant: Unicode.Scalar) {
    #expect(CrockfordBase32.folded(UInt8(ascii: typed)) == UInt8(ascii: meant))
  }

  @Test(arguments: ["U", "u", "-", " ", "*", "~", "$", "="] as [Unicode.Scalar])
  func `what is no symbol is not folded`(typed: Unicode.Scalar) {
    #expect(CrockfordBase32.folded(UInt8(ascii: typed)) == nil)
  }

  @Test(
    arguments: [
      ([], ""), ([0xff], "ZW"), ([0, 0, 0, 0, 0], "00000000"),
      ([0xff, 0xff, 0xff, 0xff, 0xff], "ZZZZZZZZ"), ([0x00, 0x44, 0x32, 0x14, 0xc7], "01234567"),
    ] as [([UInt8], String)]
  )
  func `bytes are written most significant bit first`(bytes: [UInt8], text: String) {
    #expect(String(decoding: CrockfordBase32.encode(bytes), as: UTF8.self) == text)
  }
}
