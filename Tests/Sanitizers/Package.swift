// swift-tools-version: 6.2
import PackageDescription

// The engine and its tests by themselves, so that an instrumented build compiles nothing else. The sources are links to
// the ones that `swift test` runs.
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
            dependencies: [.product(name: "SegmentStore", package: "granary")],
            path: "Sources/CrashChild",
            swiftSettings: settings
        ),
        .testTarget(
            name: "SegmentStoreTests",
            dependencies: [.product(name: "SegmentStore", package: "granary"), "crash-child"],
            exclude: ["Golden"],
            swiftSettings: settings
        ),
    ]
)
