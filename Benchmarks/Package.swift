// swift-tools-version: 6.2
import PackageDescription

// A package of its own, so that nobody who imports granary resolves what only its measurements need.
let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

let package = Package(
    name: "benchmarks",
    traits: [
        .trait(name: "Peers", description: "LMDB, RocksDB and Tkrzw, which the system must have"),
        .trait(name: "Summaries", description: "The reuse table, through the summary pipeline"),
        .trait(name: "Redis", description: "redis-bench; the system must have redis-server and its tools"),
    ],
    dependencies: [
        .package(
            name: "granary",
            path: "..",
            traits: [
                "SQLite",
                .trait(name: "Summaries", condition: .when(traits: ["Summaries"])),
                .trait(name: "Redis", condition: .when(traits: ["Redis"])),
            ]
        ),
        .package(name: "peers", path: "Peers"),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/apple/swift-collections", from: "1.6.0"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
    ],
    targets: [
        .target(
            name: "CLimit",
            linkerSettings: [.linkedLibrary("lz4"), .linkedLibrary("xxhash")]
        ),
        .systemLibrary(name: "CZlib", pkgConfig: "zlib", providers: [.apt(["zlib1g-dev"])]),
        .systemLibrary(name: "CLZMA", pkgConfig: "liblzma", providers: [.apt(["liblzma-dev"])]),
        .target(name: "Sampling", swiftSettings: settings),
        .systemLibrary(name: "CSQLite", pkgConfig: "sqlite3", providers: [.apt(["libsqlite3-dev"])]),
        .executableTarget(
            name: "cache-bench",
            dependencies: [
                "CLimit",
                "Sampling",
                "CSQLite",
                .product(name: "CLMDB", package: "peers", condition: .when(traits: ["Peers"])),
                .product(name: "CRocksDB", package: "peers", condition: .when(traits: ["Peers"])),
                .product(name: "CTkrzw", package: "peers", condition: .when(traits: ["Peers"])),
                .product(name: "SegmentStore", package: "granary"),
                .product(name: "Granary", package: "granary"),
                .product(name: "GranarySQLite", package: "granary"),
                .product(name: "GranarySummaries", package: "granary", condition: .when(traits: ["Summaries"])),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Histogram", package: "hdrhistogram-swift"),
            ],
            path: "Sources/CacheBench",
            swiftSettings: settings
        ),
        .target(
            name: "Replay",
            dependencies: [
                "CZlib",
                "CLZMA",
                "Sampling",
                .product(name: "SegmentStore", package: "granary"),
                .product(name: "HeapModule", package: "swift-collections"),
            ],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "cache-replay",
            dependencies: ["Replay", .product(name: "ArgumentParser", package: "swift-argument-parser")],
            path: "Sources/CacheReplay",
            swiftSettings: settings
        ),
        .executableTarget(
            name: "redis-bench",
            dependencies: [
                .product(name: "Granary", package: "granary"),
                .product(name: "GranaryRedis", package: "granary", condition: .when(traits: ["Redis"])),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
            ],
            path: "Sources/RedisBench",
            swiftSettings: settings
        ),
        .testTarget(
            name: "ReplayTests",
            dependencies: ["Replay", "Sampling", .product(name: "SegmentStore", package: "granary")],
            swiftSettings: settings
        ),
        .executableTarget(
            name: "instruction-probe",
            dependencies: [.product(name: "SegmentStore", package: "granary")],
            path: "Sources/InstructionProbe",
            swiftSettings: settings
        ),
    ]
)
