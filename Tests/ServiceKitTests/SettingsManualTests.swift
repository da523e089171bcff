import Faults
import Testing

@testable import ServiceKit

@Suite struct SettingsManualTests {
  /// A service with a setting of each kind of absence.
  private struct Example: OwnSettings {
    init(_ reader: SettingsReader) throws(Fault) {
      _ = reader.integer("LATCHKEY_PRODUCTS_MAX", "products", isOptional: true, in: 1...9)
      _ = try reader.require(
        RPCSettings(reader),
        reader.isOn("LATCHKEY_RATE_LIMITS", "whether requests are counted", default: true)
      )
    }
  }

  private func padded(_ head: String) -> String {
    head + String(repeating: " ", count: 40 - head.count)
  }

  @Test func `every setting is listed with its default and a line about it`() {
    let manual = SettingsManual(Example.self, migrates: true)
    let help = manual.help("example")
    #expect(help.hasPrefix("usage: latchkey-example [--SETTING VALUE]...\n"))
    for setting in manual.serving + manual.migrating {
      #expect(help.contains("\n  \(setting.flag) \(setting.placeholder) "))
    }
    #expect(help.contains("\(padded("  --products-max N"))products (optional)\n"))
    #expect(help.contains(" whether requests are counted (default on)\n"))
    #expect(
      help.contains(
        "\(padded("  --rpc-listen HOST:PORT"))where other services call this one (mandatory)\n"
      )
    )
  }

  @Test func `settings of migrations are listed apart, where there are any`() {
    let names = ["LATCHKEY_MIGRATION_DATABASE_URL", "LATCHKEY_MIGRATION_DATABASE_PASSWORD_FILE"]
    let with = SettingsManual(Example.self, migrates: true)
    #expect(with.migrating.map(\.name) == names)
    #expect(SettingsManual(Example.self, migrates: false).migrating.isEmpty)
    #expect(!with.serving.map(\.name).contains { names.contains($0) })
  }

  @Test func `a setting is declared once`() {
    let names = SettingsManual(Example.self, migrates: false).serving.map(\.name)
    #expect(Set(names).count == names.count)
  }
}
