import TestMessages

extension Everything {
  /// Every field set, each to something that distinguishes it.
  static let full = Everything(
    int32Value: -1,
    sint32Value: -2,
    sfixed32Value: -3,
    uint32Value: 4_000_000_000,
    fixed32Value: 5,
    int64Value: .min,
    sint64Value: -7,
    sfixed64Value: 8,
    uint64Value: .max,
    fixed64Value: 10,
    floatValue: 1.5,
    doubleValue: -2.25,
    boolValue: true,
    stringValue: "naïve \u{1F600}",
    bytesValue: [0, 1, 255],
    colourValue: .green,
    innerValue: Inner(name: "inside", default: 3, template: "t"),
    int32Values: [1, -1, .max],
    sint32Values: [-1, 1],
    sfixed32Values: [.min],
    uint32Values: [0, .max],
    fixed32Values: [1, 2],
    int64Values: [.max, 0],
    sint64Values: [.min],
    sfixed64Values: [-5, 6],
    uint64Values: [1],
    fixed64Values: [2, 3],
    floatValues: [0.5],
    doubleValues: [1, -1],
    boolValues: [true, false],
    stringValues: ["", "two"],
    bytesValues: [[], [9]],
    colourValues: [.red, .green],
    innerValues: [Inner(name: "a"), Inner(name: "")]
  )
}

extension Constrained {
  /// Breaks nothing.
  static let good = Constrained(
    name: "Ärmel",
    code: "A-z_9",
    count: 100,
    tags: ["a", "bb"],
    id: "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b",
    email: "pat@studio.example",
    expiresAt: 1_893_456_000_000,
    digest: [1, 2, 3, 4],
    metadata: Array("{}".utf8),
    parts: [Part(partName: "p")],
    size: .large,
    large: 1000
  )
}
