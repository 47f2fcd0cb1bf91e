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
        .library(name: "SegmentStore", targets: ["SegmentStore"])
    ],
    targets: [
        .systemLibrary(name: "CLZ4", pkgConfig: "liblz4", providers: [.apt(["liblz4-dev"])]),
        .systemLibrary(name: "CXXHash", pkgConfig: "libxxhash", providers: [.apt(["libxxhash-dev"])]),
        .systemLibrary(name: "CLinux"),
        .target(name: "SegmentStore", dependencies: ["CLZ4", "CXXHash", "CLinux"], swiftSettings: settings),
        .executableTarget(
            name: "crash-child",
            dependencies: ["SegmentStore"],
            path: "Tests/CrashChild",
            swiftSettings: settings
        ),
        .testTarget(
            name: "SegmentStoreTests",
            dependencies: ["SegmentStore", "CLinux", "crash-child"],
            swiftSettings: settings
        ),
    ]
)
