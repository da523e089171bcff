import Testing

@testable import ServiceKit

@Suite struct ServiceArgumentsTests {
  @Test func `words, settings and questions are told apart`() {
    let arguments = ServiceArguments([
      "--rpc-listen", "h:1", "migrate", "--url=a=b", "--print-config", "--bare", "--help",
    ])
    #expect(arguments.words == ["migrate"])
    #expect(
      arguments.flags == [
        ServiceArguments.Flag(name: "--rpc-listen", value: "h:1"),
        ServiceArguments.Flag(name: "--url", value: "a=b"),
        ServiceArguments.Flag(name: "--bare", value: nil),
      ]
    )
    #expect(arguments.printsConfiguration && arguments.wantsHelp)
  }

  @Test func `settings are passed on, but for some`() {
    let arguments = ServiceArguments(["--rpc-listen", "h:1", "--url=a=b", "--bare", "--own", "1"])
    #expect(arguments.texts(without: ["--own"]) == ["--rpc-listen=h:1", "--url=a=b", "--bare"])
  }

  @Test func `nothing asks for nothing`() {
    let arguments = ServiceArguments([String]())
    #expect(arguments.words.isEmpty && arguments.flags.isEmpty)
    #expect(!arguments.printsConfiguration && !arguments.wantsHelp)
  }
}
