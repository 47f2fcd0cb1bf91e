// swift-tools-version: 6.2
import PackageDescription

// The libraries that the store is measured beside, in a package of their own: the targets of a package that is built are
// built all, whether anything uses them or not, and these need libraries that few systems have.
let package = Package(
    name: "peers",
    products: [
        .library(name: "CLMDB", targets: ["CLMDB"]),
        .library(name: "CRocksDB", targets: ["CRocksDB"]),
        .library(name: "CTkrzw", targets: ["CTkrzw"]),
    ],
    targets: [
        .systemLibrary(name: "CLMDB", pkgConfig: "lmdb", providers: [.apt(["liblmdb-dev"])]),
        .systemLibrary(name: "CRocksDB", pkgConfig: "rocksdb", providers: [.apt(["librocksdb-dev"])]),
        .target(name: "CTkrzw", linkerSettings: [.linkedLibrary("tkrzw")]),
    ],
    cxxLanguageStandard: .cxx17
)
