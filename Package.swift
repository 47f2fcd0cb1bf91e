// swift-tools-version: 6.2
import PackageDescription

let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

let package = Package(
    name: "granary",
    products: [
        .library(name: "SegmentStore", targets: ["SegmentStore"]),
        .library(name: "Granary", targets: ["Granary"]),
        .library(name: "GranarySQLite", targets: ["GranarySQLite"]),
        .library(name: "GranaryRedis", targets: ["GranaryRedis"]),
        .library(name: "GranaryS3", targets: ["GranaryS3"]),
        .library(name: "GranarySummaries", targets: ["GranarySummaries"]),
        .library(name: "GranaryKura", targets: ["GranaryKura"]),
        .library(name: "GranaryTesting", targets: ["GranaryTesting"]),
        .executable(name: "granary", targets: ["GranaryCommand"]),
    ],
    // Who imports the engine or the strategies alone switches the traits off and resolves nothing that they don't need.
    traits: [
        .trait(name: "SQLite", description: "The SQLite strategy, with GRDB"),
        .trait(name: "Redis", description: "The Redis strategy, with swift-nio and swift-nio-ssl"),
        .trait(name: "S3", description: "The S3 strategy, with async-http-client and swift-crypto"),
        .trait(name: "Summaries", description: "The summary pipeline, with swift-crypto and async-http-client"),
        .trait(
            name: "Kura",
            description: "Moving over from Kura, whose caches are SQLite databases",
            enabledTraits: ["SQLite", "Summaries"]
        ),
        .trait(
            name: "CommandLine",
            description: "The granary command, with swift-argument-parser",
            enabledTraits: ["Redis", "S3", "Summaries", "Kura"]
        ),
        .default(enabledTraits: ["SQLite", "Redis", "S3", "Summaries", "Kura", "CommandLine"]),
    ],
    dependencies: [
        .package(url: "https://github.com/apple/swift-log", from: "1.16.2"),
        .package(url: "https://github.com/apple/swift-metrics", from: "2.13.0"),
        .package(url: "https://github.com/apple/swift-crypto", from: "4.5.2"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/groue/GRDB.swift", from: "7.10.0"),
        .package(url: "https://github.com/apple/swift-nio", from: "2.101.2"),
        .package(url: "https://github.com/apple/swift-nio-ssl", from: "2.37.6"),
        .package(url: "https://github.com/swift-server/async-http-client", from: "1.37.0"),
        // For `swift package generate-documentation`; no target uses it, so importers do not resolve it.
        .package(url: "https://github.com/swiftlang/swift-docc-plugin", from: "1.5.0"),
    ],
    targets: [
        .systemLibrary(name: "CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),
        .systemLibrary(name: "CXXHash", pkgConfig: "libxxhash", providers: [.apt(["libxxhash-dev"])]),
        .systemLibrary(name: "CLinux"),
        .target(name: "SegmentStore", dependencies: ["CLZ4", "CXXHash", "CLinux"], swiftSettings: settings),
        .target(
            name: "Granary",
            dependencies: [
                "SegmentStore",
                "CXXHash",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "Metrics", package: "swift-metrics"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "GranarySQLite",
            dependencies: [
                "Granary",
                "SegmentStore",
                "CXXHash",
                .product(name: "GRDB", package: "GRDB.swift", condition: .when(traits: ["SQLite"])),
                .product(name: "GRDBSQLite", package: "GRDB.swift", condition: .when(traits: ["SQLite"])),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "GranaryRedis",
            dependencies: [
                "Granary",
                "SegmentStore",
                .product(name: "NIOCore", package: "swift-nio", condition: .when(traits: ["Redis"])),
                .product(name: "NIOPosix", package: "swift-nio", condition: .when(traits: ["Redis"])),
                .product(name: "NIOSSL", package: "swift-nio-ssl", condition: .when(traits: ["Redis"])),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "GranaryS3",
            dependencies: [
                "Granary",
                "SegmentStore",
                .product(name: "AsyncHTTPClient", package: "async-http-client", condition: .when(traits: ["S3"])),
                .product(name: "Crypto", package: "swift-crypto", condition: .when(traits: ["S3"])),
                .product(name: "NIOCore", package: "swift-nio", condition: .when(traits: ["S3"])),
                .product(name: "NIOHTTP1", package: "swift-nio", condition: .when(traits: ["S3"])),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "GranarySummaries",
            dependencies: [
                "Granary",
                .product(name: "Crypto", package: "swift-crypto", condition: .when(traits: ["Summaries"])),
                .product(
                    name: "AsyncHTTPClient",
                    package: "async-http-client",
                    condition: .when(traits: ["Summaries"])
                ),
                .product(name: "NIOCore", package: "swift-nio", condition: .when(traits: ["Summaries"])),
                .product(name: "NIOHTTP1", package: "swift-nio", condition: .when(traits: ["Summaries"])),
                .product(name: "Logging", package: "swift-log"),
            ],
            swiftSettings: settings
        ),
        .target(
            name: "GranaryKura",
            dependencies: [
                "SegmentStore",
                "CLinux",
                "Granary",
                "GranarySummaries",
                .product(name: "Crypto", package: "swift-crypto", condition: .when(traits: ["Summaries"])),
                .product(name: "GRDB", package: "GRDB.swift", condition: .when(traits: ["SQLite"])),
            ],
            swiftSettings: settings
        ),
        .target(name: "GranaryTesting", dependencies: ["Granary", "SegmentStore"], swiftSettings: settings),
        .executableTarget(
            name: "GranaryCommand",
            dependencies: [
                "SegmentStore",
                "Granary",
                "GranarySummaries",
                "GranaryKura",
                "GranarySQLite",
                "GranaryRedis",
                "GranaryS3",
                .product(name: "Logging", package: "swift-log"),
                .product(
                    name: "ArgumentParser",
                    package: "swift-argument-parser",
                    condition: .when(traits: ["CommandLine"])
                ),
            ],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "crash-child",
            dependencies: ["SegmentStore"],
            path: "Tests/CrashChild",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "sqlite-child",
            dependencies: ["GranarySQLite", "Granary"],
            path: "Tests/SQLiteChild",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "chat-server",
            dependencies: [
                .product(name: "NIOCore", package: "swift-nio", condition: .when(traits: ["Summaries"])),
                .product(name: "NIOPosix", package: "swift-nio", condition: .when(traits: ["Summaries"])),
                .product(name: "NIOHTTP1", package: "swift-nio", condition: .when(traits: ["Summaries"])),
            ],
            path: "Tests/ChatServer",
            swiftSettings: settings
        ),
        .target(name: "TestSupport", path: "Tests/TestSupport", swiftSettings: settings),
        .target(name: "TestServers", path: "Tests/TestServers", swiftSettings: settings),
        .testTarget(
            name: "SegmentStoreTests",
            dependencies: ["SegmentStore", "CLinux", "TestSupport", "crash-child"],
            exclude: ["Golden"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "GranaryTests",
            dependencies: [
                "Granary",
                "GranaryTesting",
                "SegmentStore",
                "TestSupport",
                .product(name: "Logging", package: "swift-log"),
                .product(name: "MetricsTestKit", package: "swift-metrics"),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "GranaryTestingTests",
            dependencies: ["GranaryTesting", "Granary", "SegmentStore", "TestSupport"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "GranarySQLiteTests",
            dependencies: [
                "GranarySQLite",
                "GranaryTesting",
                "Granary",
                "SegmentStore",
                "TestSupport",
                "sqlite-child",
                .product(name: "GRDB", package: "GRDB.swift", condition: .when(traits: ["SQLite"])),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "GranaryRedisTests",
            dependencies: [
                "GranaryRedis",
                "Granary",
                "GranaryTesting",
                "SegmentStore",
                "TestServers",
                "TestSupport",
                .product(name: "NIOCore", package: "swift-nio", condition: .when(traits: ["Redis"])),
                .product(name: "NIOPosix", package: "swift-nio", condition: .when(traits: ["Redis"])),
            ],
            swiftSettings: settings
        ),
        .testTarget(
            name: "GranaryS3Tests",
            dependencies: [
                "GranaryS3",
                "Granary",
                "GranaryTesting",
                "SegmentStore",
                "TestServers",
                "TestSupport",
                .product(name: "NIOCore", package: "swift-nio", condition: .when(traits: ["S3"])),
                .product(name: "NIOPosix", package: "swift-nio", condition: .when(traits: ["S3"])),
                .product(name: "NIOHTTP1", package: "swift-nio", condition: .when(traits: ["S3"])),
            ],
            exclude: ["Python"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "GranarySummariesTests",
            dependencies: ["GranarySummaries", "Granary", "GranaryTesting", "chat-server", "TestSupport"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "GranaryKuraTests",
            dependencies: [
                "GranaryKura",
                "GranarySummaries",
                "Granary",
                "GranaryTesting",
                "SegmentStore",
                "TestSupport",
                .product(name: "GRDB", package: "GRDB.swift", condition: .when(traits: ["SQLite"])),
            ],
            exclude: ["Fixtures", "Python"],
            swiftSettings: settings
        ),
        .testTarget(
            name: "GranaryCommandTests",
            dependencies: [
                "GranaryCommand", "GranarySQLite", "Granary", "GranaryTesting", "SegmentStore", "CLinux",
                "TestServers", "TestSupport", "chat-server",
            ],
            swiftSettings: settings
        ),
    ]
)
