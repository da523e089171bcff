// swift-tools-version: 6.2
import PackageDescription

/// Every target is held to the same rules: Swift 6 mode, no warning, explicit import visibility.
let strict: [SwiftSetting] = [
  .swiftLanguageMode(.v6),
  .treatAllWarnings(as: .error),
  .enableUpcomingFeature("NonisolatedNonsendingByDefault"),
  .enableUpcomingFeature("ExistentialAny"),
  .enableUpcomingFeature("InternalImportsByDefault"),
  .enableUpcomingFeature("MemberImportVisibility"),
]

/// For modules that run on the loop alone and many times a request: tests build with the run-time checks for overlapping
/// access and for being on the loop, releases do without them, and are optimised across modules.
let hot: [SwiftSetting] =
  strict + [
    .unsafeFlags(
      [
        "-enforce-exclusivity=unchecked", "-disable-dynamic-actor-isolation",
        "-cross-module-optimization",
      ],
      .when(configuration: .release)
    )
  ]

/// A C library that Debian packages; `Shared/C/<name>` holds its module map and shim.
func library(_ name: String, pkgConfig: String, package: String) -> Target {
  .systemLibrary(
    name: name,
    path: "Shared/C/\(name)",
    pkgConfig: pkgConfig,
    providers: [.apt([package])]
  )
}

func module(
  _ name: String,
  path: String,
  _ dependencies: [Target.Dependency] = [],
  exclude: [String] = [],
  resources: [Resource]? = nil,
  settings: [SwiftSetting] = strict
) -> Target {
  .target(
    name: name,
    dependencies: dependencies,
    path: path,
    exclude: exclude,
    resources: resources,
    swiftSettings: settings
  )
}

func executable(
  _ name: String,
  path: String,
  _ dependencies: [Target.Dependency],
  linker: [LinkerSetting] = []
) -> Target {
  .executableTarget(
    name: name,
    dependencies: dependencies,
    path: path,
    swiftSettings: strict,
    linkerSettings: linker
  )
}

/// A release that needs no library at all: for a file that is carried to machines of any kind, and starts twice as
/// fast without a dynamic loader. (The linker warns of host names in OpenSSL, which nothing of ours asks for.)
let standalone: [LinkerSetting] = [
  .unsafeFlags(["-static-executable", "-Xlinker", "-s"], .when(configuration: .release))
]

func tests(_ module: Target.Dependency, name: String, _ dependencies: [Target.Dependency] = [])
  -> Target
{
  .testTarget(
    name: name,
    dependencies: [module] + dependencies,
    path: "Tests/\(name)",
    swiftSettings: strict
  )
}

/// C code that protoc-c made from contracts.
func contracts(_ name: String, path: String) -> Target {
  .target(
    name: name,
    path: path,
    publicHeadersPath: "include",
    linkerSettings: [.linkedLibrary("protobuf-c")]
  )
}

let logging = Target.Dependency.product(name: "Logging", package: "swift-log")
let arguments = Target.Dependency.product(name: "ArgumentParser", package: "swift-argument-parser")

let package = Package(
  name: "latchkey",
  products: [
    // What applications check license files with, and the modules its interface is made of; libsodium and OpenSSL are all
    // that it needs.
    .library(
      name: "LatchkeyOffline",
      targets: ["LatchkeyOffline", "Cryptography", "Faults", "Primitives"]
    )
  ],
  dependencies: [
    .package(url: "https://github.com/apple/swift-log", exact: "1.16.2"),
    .package(url: "https://github.com/apple/swift-argument-parser", exact: "1.8.2"),
  ],
  targets: [
    // C libraries.
    library("CUV", pkgConfig: "libuv", package: "libuv1-dev"),
    library("CNGHTTP2", pkgConfig: "libnghttp2", package: "libnghttp2-dev"),
    library("COpenSSL", pkgConfig: "openssl", package: "libssl-dev"),
    library("CPQ", pkgConfig: "libpq", package: "libpq-dev"),
    library("CSodium", pkgConfig: "libsodium", package: "libsodium-dev"),
    library("CProtobufC", pkgConfig: "libprotobuf-c", package: "libprotobuf-c-dev"),
    library("CJansson", pkgConfig: "jansson", package: "libjansson-dev"),
    library("CCurl", pkgConfig: "libcurl", package: "libcurl4-openssl-dev"),

    // Values, faults, cryptography.
    module("Primitives", path: "Shared/Primitives"),
    module("Faults", path: "Shared/Faults"),
    module(
      "Cryptography",
      path: "Shared/Cryptography",
      ["COpenSSL", "CSodium", "Faults", "Primitives"],
      exclude: ["README.md"]
    ),

    // What a process tells of itself.
    module("Metrics", path: "Shared/Metrics", exclude: ["README.md"], settings: hot),
    module(
      "Curl",
      path: "Shared/Curl",
      ["CCurl", "EventLoop"],
      exclude: ["README.md"],
      settings: hot
    ),
    module(
      "Tracing",
      path: "Shared/Tracing",
      ["CCurl", "Curl", "EventLoop", "Faults", "Metrics", "Primitives"],
      exclude: ["README.md"],
      settings: hot
    ),

    // The runtime: event loop, TLS, HTTP, RPC.
    module(
      "EventLoop",
      path: "Shared/EventLoop",
      ["CUV", "Faults"],
      exclude: ["README.md"],
      settings: hot
    ),
    module(
      "TLS",
      path: "Shared/TLS",
      ["COpenSSL", "Cryptography", "Faults"],
      exclude: ["README.md"],
      settings: hot
    ),
    module(
      "HTTP",
      path: "Shared/HTTP",
      ["CNGHTTP2", "EventLoop", "Faults", "Metrics", "TLS"],
      exclude: ["README.md"],
      settings: hot
    ),
    module(
      "RPC",
      path: "Shared/RPC",
      [
        "EventLoop", "Faults", "HTTP", "Messages", "Metrics", "Primitives", "Protobuf", "TLS",
        "Tracing",
      ],
      exclude: ["README.md"],
      settings: hot
    ),

    // Contracts.
    contracts("CDescriptors", path: "Protos/Generated/Descriptors"),
    contracts("CMessages", path: "Protos/Generated/Messages"),
    module(
      "Protobuf",
      path: "Shared/Protobuf",
      ["CProtobufC", "Faults"],
      exclude: ["README.md"],
      settings: hot
    ),
    module(
      "Messages",
      path: "Shared/Messages",
      ["CMessages", "CProtobufC", "Faults", "Protobuf"],
      settings: hot
    ),
    module(
      "Stubs",
      path: "Shared/Stubs",
      ["EventLoop", "Faults", "Messages", "Protobuf", "RPC"],
      settings: hot
    ),
    contracts("CTestMessages", path: "Tests/Generated/CTestMessages"),
    module(
      "TestMessages",
      path: "Tests/Generated/TestMessages",
      ["CProtobufC", "CTestMessages", "Faults", "Protobuf"]
    ),
    module(
      "TestStubs",
      path: "Tests/Generated/TestStubs",
      ["EventLoop", "Faults", "Protobuf", "RPC", "TestMessages"]
    ),
    module(
      "Transcoding",
      path: "Shared/Transcoding",
      ["CJansson", "CProtobufC", "Faults", "Primitives", "Protobuf"],
      exclude: ["README.md"],
      settings: hot
    ),
    executable(
      "latchkey-protogen",
      path: "Protos/Generator",
      ["CDescriptors", "CProtobufC"]
    ),

    // Storage.
    module(
      "Postgres",
      path: "Shared/Postgres",
      [
        "CPQ", "Cryptography", "EventLoop", "Faults", "Metrics", "Primitives", "Tracing", logging,
      ],
      exclude: ["README.md"],
      settings: hot
    ),

    // What every service is made of: settings, logs, lifecycle.
    module(
      "ServiceKit",
      path: "Shared/ServiceKit",
      [
        "Cryptography", "EventLoop", "Faults", "HTTP", "Messages", "Metrics", "Postgres",
        "Primitives", "Protobuf", "RPC", "TLS", "Tracing", logging,
      ],
      exclude: ["README.md"]
    ),

    // Encryption at rest: data keys, and their rotation.
    module(
      "Sealing",
      path: "Shared/Sealing",
      [
        "Cryptography", "EventLoop", "Faults", "Messages", "Postgres", "Primitives", "RPC",
        "ServiceKit", "Stubs", logging,
      ],
      exclude: ["README.md"],
      resources: [.embedInCode("Migrations")]
    ),

    // What every change leaves behind: the audit log, and answers to repeated requests.
    module(
      "Changes",
      path: "Shared/Changes",
      [
        "Cryptography", "EventLoop", "Faults", "HTTP", "Messages", "Postgres", "Primitives",
        "Protobuf", "RPC", "Sealing", "Transcoding",
      ],
      exclude: ["README.md"],
      resources: [.embedInCode("Migrations")]
    ),

    // License files without a network.
    module(
      "LatchkeyOffline",
      path: "Services/Signing/Offline",
      ["Cryptography", "Faults", "Primitives"]
    ),
    executable(
      "latchkey-verify",
      path: "Services/Signing/Verify",
      ["Cryptography", "LatchkeyOffline", "Primitives"],
      linker: standalone
    ),

    // Services.
    module(
      "KeysService",
      path: "Services/Keys/Core",
      [
        "Changes", "Cryptography", "EventLoop", "Faults", "HTTP", "Messages", "Postgres",
        "Primitives", "RPC", "Sealing", "ServiceKit", "Stubs",
      ],
      resources: [.embedInCode("Migrations")],
      settings: hot
    ),
    executable(
      "latchkey-keys",
      path: "Services/Keys/Main",
      ["KeysService"]
    ),
    module(
      "LicensesService",
      path: "Services/Licenses/Core",
      [
        "Changes", "Cryptography", "EventLoop", "Faults", "HTTP", "LatchkeyOffline", "Messages",
        "Postgres", "Primitives", "Protobuf", "RPC", "Sealing", "ServiceKit", "Stubs",
        "Transcoding", logging,
      ],
      resources: [.embedInCode("Migrations")],
      settings: hot
    ),
    executable(
      "latchkey-licenses",
      path: "Services/Licenses/Main",
      ["LicensesService"]
    ),
    module(
      "SigningService",
      path: "Services/Signing/Core",
      [
        "Changes", "Cryptography", "EventLoop", "Faults", "LatchkeyOffline", "Messages", "Postgres",
        "Primitives", "RPC", "Sealing", "ServiceKit", "Stubs",
      ],
      resources: [.embedInCode("Migrations")],
      settings: hot
    ),
    executable(
      "latchkey-signing",
      path: "Services/Signing/Main",
      ["SigningService"]
    ),
    module(
      "WebhooksService",
      path: "Services/Webhooks/Core",
      [
        "Changes", "Cryptography", "EventLoop", "Faults", "Messages", "Metrics", "Postgres",
        "Primitives", "Protobuf", "RPC", "Sealing", "ServiceKit", "Stubs", "Transcoding",
        "WebhooksSending", logging,
      ],
      resources: [.embedInCode("Migrations")],
      settings: hot
    ),
    executable(
      "latchkey-webhooks",
      path: "Services/Webhooks/Main",
      ["WebhooksService"]
    ),
    module(
      "WebhooksSending",
      path: "Services/Webhooks/Sending",
      ["CCurl", "Cryptography", "Curl", "EventLoop", "Faults", "Primitives"],
      exclude: ["README.md"],
      settings: hot
    ),
    module(
      "GatewayService",
      path: "Services/Gateway/Core",
      [
        "Cryptography", "EventLoop", "Faults", "HTTP", "Messages", "Metrics", "Primitives",
        "Protobuf", "RPC", "ServiceKit", "Stubs", "TLS", "Tracing", "Transcoding", logging,
      ],
      settings: hot
    ),
    executable(
      "latchkey-gateway",
      path: "Services/Gateway/Main",
      ["GatewayService"]
    ),
    // The page of all settings, and their names, which every service knows.
    executable(
      "latchkey-settings-table",
      path: "Scripts/SettingsTable",
      [
        "GatewayService", "KeysService", "LicensesService", "ServiceKit", "SigningService",
        "WebhooksService",
      ]
    ),
    module(
      "LatchkeyCommand",
      path: "Services/Latchkey/Core",
      [
        "Changes", "Cryptography", "EventLoop", "Faults", "HTTP", "Messages", "Postgres",
        "Primitives", "Protobuf", "RPC", "ServiceKit", "Stubs", "TLS", "Transcoding",
        "WebhooksSending", logging,
      ],
      resources: [.embedInCode("Bootstrap")]
    ),
    module(
      "LatchkeyTool",
      path: "Services/Latchkey/Tool",
      ["EventLoop", "LatchkeyCommand", "ServiceKit", arguments]
    ),
    executable("latchkey", path: "Services/Latchkey/Main", ["LatchkeyTool"]),
    // All of them in one file, for the image.
    executable(
      "latchkey-combined",
      path: "Services/Combined",
      [
        "GatewayService", "KeysService", "LatchkeyTool", "LicensesService", "SigningService",
        "WebhooksService",
      ]
    ),

    // Tests, and the executables that only tests run.
    module("TestServing", path: "Tests/Interop/Serving", ["EventLoop", "Faults", "RPC"]),
    executable(
      "rpc-interop-server",
      path: "Tests/Interop/Server",
      ["EventLoop", "Faults", "HTTP", "RPC", "TestMessages", "TestServing", "TestStubs"]
    ),
    executable(
      "rpc-interop-client",
      path: "Tests/Interop/Client",
      ["EventLoop", "Faults", "HTTP", "RPC", "TestMessages", "TestServing", "TestStubs"]
    ),
    executable(
      "rpc-bench-server",
      path: "Tests/Benchmarks/Server",
      ["EventLoop", "Faults", "RPC", "TestMessages", "TestServing", "TestStubs"]
    ),
    executable(
      "signing-bench",
      path: "Tests/Benchmarks/Signing",
      ["CSodium", "EventLoop", "Faults", "HTTP", "Messages", "RPC", "ServiceKit", "Stubs", "TLS"]
    ),
    module(
      "TestKit",
      path: "Tests/TestKit",
      [
        "Cryptography", "EventLoop", "Faults", "Postgres", "Primitives", "RPC", "Sealing", "TLS",
      ]
    ),
    tests("Primitives", name: "PrimitivesTests"),
    tests("Faults", name: "FaultsTests"),
    tests("Cryptography", name: "CryptographyTests", ["Faults", "Primitives"]),
    tests("Metrics", name: "MetricsTests"),
    tests("Tracing", name: "TracingTests", ["EventLoop", "Metrics", "TestKit"]),
    tests("EventLoop", name: "EventLoopTests", ["Faults", "TestKit"]),
    tests("TLS", name: "TLSTests", ["COpenSSL", "Cryptography", "Faults"]),
    tests(
      "HTTP",
      name: "HTTPTests",
      ["CNGHTTP2", "Cryptography", "EventLoop", "Faults", "TestKit", "TLS"]
    ),
    tests(
      "RPC",
      name: "RPCTests",
      ["EventLoop", "Faults", "HTTP", "Messages", "Metrics", "Protobuf", "TestKit", "Tracing"]
    ),
    tests(
      "Protobuf",
      name: "ProtobufTests",
      ["Faults", "Messages", "TestMessages", "latchkey-protogen"]
    ),
    tests(
      "Transcoding",
      name: "TranscodingTests",
      ["Faults", "Messages", "Primitives", "Protobuf", "TestMessages"]
    ),
    tests(
      "Postgres",
      name: "PostgresTests",
      ["Cryptography", "EventLoop", "Faults", "Primitives", "TestKit"]
    ),
    tests(
      "ServiceKit",
      name: "ServiceKitTests",
      ["Cryptography", "EventLoop", "Faults", "TLS", logging]
    ),
    tests(
      "Sealing",
      name: "SealingTests",
      [
        "Cryptography", "EventLoop", "Faults", "Messages", "Postgres", "Primitives", "TestKit",
        logging,
      ]
    ),
    tests(
      "Changes",
      name: "ChangesTests",
      [
        "Cryptography", "EventLoop", "Faults", "HTTP", "Messages", "Postgres", "Primitives",
        "Protobuf", "RPC", "Sealing", "Stubs", "TestKit",
      ]
    ),
    tests(
      "KeysService",
      name: "KeysServiceTests",
      [
        "Changes", "Cryptography", "EventLoop", "Faults", "HTTP", "LicensesService", "Messages",
        "Postgres", "Primitives", "Protobuf", "RPC", "Sealing", "SigningService", "Stubs",
        "TestKit",
      ]
    ),
    tests(
      "LicensesService",
      name: "LicensesServiceTests",
      [
        "Changes", "Cryptography", "EventLoop", "Faults", "HTTP", "LatchkeyOffline", "Messages",
        "Metrics", "Postgres", "Primitives", "RPC", "Sealing", "ServiceKit", "SigningService",
        "Stubs", "TestKit",
      ]
    ),
    tests(
      "SigningService",
      name: "SigningServiceTests",
      [
        "Changes", "Cryptography", "EventLoop", "Faults", "LatchkeyOffline", "Messages", "Postgres",
        "Primitives", "RPC", "Sealing", "Stubs", "TestKit",
      ]
    ),
    tests(
      "WebhooksService",
      name: "WebhooksServiceTests",
      [
        "Changes", "Cryptography", "EventLoop", "Faults", "HTTP", "LicensesService", "Messages",
        "Metrics", "Postgres", "Primitives", "Protobuf", "RPC", "Sealing", "ServiceKit", "Stubs",
        "TLS", "TestKit", "WebhooksSending",
      ]
    ),
    tests(
      "WebhooksSending",
      name: "WebhooksSendingTests",
      [
        "CCurl", "Cryptography", "Curl", "EventLoop", "Faults", "HTTP", "Primitives", "TLS",
        "TestKit",
      ]
    ),
    tests(
      "GatewayService",
      name: "GatewayServiceTests",
      [
        "Cryptography", "EventLoop", "Faults", "HTTP", "Messages", "Primitives", "Protobuf", "RPC",
        "ServiceKit", "Stubs", "TLS", "TestKit", "TestMessages", "TestStubs", "Transcoding",
        logging,
      ]
    ),
    tests(
      "LatchkeyOffline",
      name: "LatchkeyOfflineTests",
      ["Cryptography", "Faults", "Primitives"]
    ),
    tests(
      "LatchkeyCommand",
      name: "LatchkeyCommandTests",
      ["Changes", "Cryptography", "EventLoop", "Faults", "Primitives", "ServiceKit"]
    ),
  ]
)
