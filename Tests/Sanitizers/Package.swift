// swift-tools-version: 6.2
import PackageDescription

// The engine and its tests by themselves, so that an instrumented build compiles nothing else; `run` does that. The tests
// are links to the ones that `swift test` runs.
let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

let package = Package(
    name: "sanitizers",
    dependencies: [.package(name: "granary", path: "../..", traits: [])],
    targets: [
        .executableTarget(
            name: "crash-child",
            dependencies: [.product(name: "SegmentStore", package: "granary"), "MutexTracing"],
            path: "Sources/CrashChild",
            swiftSettings: settings
        ),
        .target(name: "MutexTracing"),
        .target(name: "TestSupport", swiftSettings: settings),
        .executableTarget(
            name: "sanitizer-check",
            dependencies: ["MutexTracing"],
            path: "Sources/SanitizerCheck",
            swiftSettings: settings
        ),
        .testTarget(
            name: "SegmentStoreTests",
            dependencies: [
                .product(name: "SegmentStore", package: "granary"), "crash-child", "MutexTracing", "TestSupport",
            ],
            exclude: ["Golden"],
            swiftSettings: settings
        ),
    ]
)
