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
    dependencies: [
        .package(name: "granary", path: "..", traits: []),
        .package(url: "https://github.com/apple/swift-argument-parser", from: "1.8.2"),
        .package(url: "https://github.com/HdrHistogram/hdrhistogram-swift", from: "0.2.0"),
    ],
    targets: [
        .target(
            name: "CLimit",
            linkerSettings: [.linkedLibrary("lz4"), .linkedLibrary("xxhash")]
        ),
        .executableTarget(
            name: "cache-bench",
            dependencies: [
                "CLimit",
                .product(name: "SegmentStore", package: "granary"),
                .product(name: "ArgumentParser", package: "swift-argument-parser"),
                .product(name: "Histogram", package: "hdrhistogram-swift"),
            ],
            path: "Sources/CacheBench",
            swiftSettings: settings
        ),
    ]
)
