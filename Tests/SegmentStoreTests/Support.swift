import Foundation
import Synchronization
import Testing

@testable import SegmentStore

/// A directory of its own for one test, which goes with it.
final class TemporaryDirectory: Sendable {
    let path: String

    /// In memory where the system has a place for that, for tests that make and force many files.
    init(inMemory: Bool = false) throws {
        var parent = FileManager.default.temporaryDirectory
        let memory = URL(fileURLWithPath: "/dev/shm")
        if inMemory && FileManager.default.isWritableFile(atPath: memory.path) { parent = memory }
        let url = parent.appending(path: "granary-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        path = url.path
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    /// The segment files in it, by name.
    var segmentPaths: [String] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        return names.filter { $0.hasSuffix(".segment") }.sorted().map { path + "/" + $0 }
    }

    /// What `du` counts: the blocks of the directory and of everything in it.
    var allocatedBytes: Int {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        return ([path] + names.map { path + "/" + $0 }).reduce(0) { sum, path in
            var status = stat()
            return stat(path, &status) == 0 ? sum + Int(status.st_blocks) * 512 : sum
        }
    }

    /// Zeroes the footer of every sealed segment, so that all that is known comes from the records.
    func removeFooters() throws {
        for path in segmentPaths {
            let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
            defer { try? file.close() }
            func word(_ offset: UInt64) throws -> UInt64? {
                try file.seek(toOffset: offset)
                return try file.read(upToCount: 8).map { $0.withUnsafeBytes { $0.loadUnaligned(as: UInt64.self) } }
            }
            let trailer = try file.seekToEnd() - UInt64(Format.footerTrailerLength)
            // One of the segment before, in a file that is used again, is none.
            guard try word(trailer + 8) == word(16), try word(trailer + 16) == word(24) else { continue }
            let rowCount = try word(trailer + 32) ?? 0
            let start = trailer - min(trailer, rowCount * UInt64(Format.footerRowLength))
            try file.seek(toOffset: start)
            try file.write(contentsOf: Data(count: Int(trailer - start) + Format.footerTrailerLength))
        }
    }

    func copy() throws -> TemporaryDirectory {
        let copy = try TemporaryDirectory()
        for name in try FileManager.default.contentsOfDirectory(atPath: path) {
            try FileManager.default.copyItem(atPath: path + "/" + name, toPath: copy.path + "/" + name)
        }
        return copy
    }
}

/// SplitMix64 (Steele, Lea and Flood, "Fast Splittable Pseudorandom Number Generators", OOPSLA 2014): a run is replayed
/// by its seed.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    mutating func chance(_ percent: Int) -> Bool { Int.random(in: 0..<100, using: &self) < percent }

    mutating func bytes(_ count: Int) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var position = 0
        while position < count {
            var word = next()
            for _ in 0..<min(8, count - position) {
                bytes[position] = UInt8(truncatingIfNeeded: word)
                word >>= 8
                position += 1
            }
        }
        return bytes
    }

    /// A seed from the environment to replay a run, or a new one.
    static func seed(_ variable: String = "GRANARY_SEED") -> UInt64 {
        ProcessInfo.processInfo.environment[variable].flatMap { UInt64($0) }
            ?? UInt64.random(in: 0...UInt64(UInt32.max))
    }
}

/// A clock that tests set.
final class ManualClock: Sendable {
    private let time: Mutex<UInt64>

    init(_ milliseconds: UInt64 = 1_700_000_000_000) { time = Mutex(milliseconds) }

    var now: UInt64 { time.withLock { $0 } }
    func advance(by milliseconds: Int) { time.withLock { $0 = UInt64(Int($0) + milliseconds) } }
    var clock: StoreClock { StoreClock { [self] in now } }
}

extension StoreOptions {
    /// Options for a test that runs the background steps itself.
    static func stepped(_ durability: Durability = .never, clock: StoreClock = .system) -> StoreOptions {
        var options = StoreOptions(durability: durability, clock: clock)
        options.runsBackgroundThread = false
        return options
    }

    /// The same with a size limit, nil for none, and values as they are.
    static func bounded(
        _ durability: Durability = .interval(.seconds(1)),
        limit: Int?,
        _ eviction: Eviction = .s3fifo
    ) -> StoreOptions {
        var options = stepped(durability)
        options.compression = .none
        options.sizeLimit = limit
        options.eviction = eviction
        return options
    }

    static var readOnly: StoreOptions { StoreOptions(access: .readOnly) }
}

func text(_ string: String) -> [UInt8] { Array(string.utf8) }

extension Footer {
    /// The bytes of a footer, which end where the segment's capacity ends.
    static func encoded(_ rows: RowTable, recordEnd: Int, for header: SegmentHeader, boot: UInt64) -> [UInt8] {
        rows.withUnsafeBytes { bytes in
            bytes
                + encodedTrailer(
                    rowCount: rows.count,
                    rowsHash: XXH3.hash(bytes),
                    recordEnd: recordEnd,
                    for: header,
                    boot: boot
                )
        }
    }
}
