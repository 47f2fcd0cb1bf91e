// swift-tools-version: 6.2
import PackageDescription

// The engine and the Redis protocol under libFuzzer, in a package of its own: the driver is there only where the build asks for it.
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

let engine = Target.Dependency.product(name: "SegmentStore", package: "granary")

let package = Package(
    name: "fuzzing",
    dependencies: [.package(name: "granary", path: "../..", traits: [])],
    targets: [
        .target(
            name: "FuzzSupport",
            dependencies: [engine],
            swiftSettings: oracleSettings
        ),
        fuzzTarget("fuzz-segment", path: "FuzzSegment"),
        fuzzTarget("fuzz-footer", path: "FuzzFooter"),
        fuzzTarget("fuzz-directory", path: "FuzzDirectory"),
        fuzzTarget("fuzz-record", path: "FuzzRecord"),
        // The parser's sources alone, by a symbolic link: no fuzzer needs NIO, nor waits for it.
        .target(name: "RESP", swiftSettings: settings),
        fuzzTarget("fuzz-resp", path: "FuzzRESP", tested: "RESP"),
    ]
)

func fuzzTarget(_ name: String, path: String, tested: Target.Dependency = engine) -> Target {
    .executableTarget(
        name: name,
        dependencies: ["FuzzSupport", tested],
        path: "Sources/\(path)",
        swiftSettings: oracleSettings
    )
}
