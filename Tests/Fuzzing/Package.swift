// swift-tools-version: 6.2
import PackageDescription

// The engine under libFuzzer, in a package of its own: the driver is there only where the build asks for it.
let settings: [SwiftSetting] = [
    .enableUpcomingFeature("ExistentialAny"),
    .enableUpcomingFeature("MemberImportVisibility"),
    .enableUpcomingFeature("InternalImportsByDefault"),
    .treatAllWarnings(as: .error),
]

/// The corpus grows by what the engine does, not by what an oracle does with it: there the fuzzer learns which functions
/// were reached, and nothing of edges and comparisons, which would be half of the features and of the time.
let oracleSettings =
    settings + [
        // Behind what is given for the whole build.
        .unsafeFlags(["-Xfrontend", "-sanitize-coverage=func,inline-8bit-counters,pc-table"])
    ]

let package = Package(
    name: "fuzzing",
    dependencies: [.package(name: "granary", path: "../..", traits: [])],
    targets: [
        .target(
            name: "FuzzSupport",
            dependencies: [.product(name: "SegmentStore", package: "granary")],
            swiftSettings: oracleSettings
        ),
        fuzzTarget("fuzz-segment", path: "FuzzSegment"),
        fuzzTarget("fuzz-footer", path: "FuzzFooter"),
        fuzzTarget("fuzz-directory", path: "FuzzDirectory"),
        fuzzTarget("fuzz-record", path: "FuzzRecord"),
    ]
)

func fuzzTarget(_ name: String, path: String) -> Target {
    .executableTarget(
        name: name,
        dependencies: ["FuzzSupport", .product(name: "SegmentStore", package: "granary")],
        path: "Sources/\(path)",
        swiftSettings: oracleSettings
    )
}
