import CLimit
import Foundation
import SegmentStore

/// How long opening a cache takes until it has answered one get, in a process that has done nothing else.
struct Opening: Codable {
    var seconds: Double
    var scan: Scan?

    /// What the store says of an opening.
    struct Scan: Codable {
        var segments: Int
        var bytes: Int
        /// Of the same files, with as many threads as there are processors: what a scan costs at the least.
        var hashSeconds: Double
    }

    static func measure(_ engine: EngineName, _ settings: EngineSettings) throws -> Opening {
        let stopwatch = OpeningStopwatch()
        try engine.make(settings, for: stopwatch)
        return Opening(seconds: stopwatch.seconds)
    }

    /// Of a store without footers, beside what a scan costs at the least; nothing is forced.
    static func scan(_ settings: EngineSettings) throws -> Opening {
        // Twice, because the first pass after another process's pays for mapping what the second finds mapped; the store
        // is measured in between, and has mappings of its own.
        let (bytes, before) = try hashPass(settings.directory)
        let options = StoreOptions(durability: .never, compression: .none)
        let (store, seconds) = try withFirstKey { key, dataset in
            let start = monotonicNanoseconds()
            let store = try SegmentStore(directory: settings.directory, options: options)
            let isRight = try store.withValue(key.bytes) { value in
                value.withUnsafeBytes { dataset.plausible($0, id: 0) }
            }
            guard isRight == true else { throw BenchError("the first entry was not found, or is another") }
            return (store, Double(monotonicNanoseconds() - start) / 1e9)
        }
        guard store.count == settings.entries else {
            throw BenchError("\(store.count) entries were found of \(settings.entries)")
        }
        let scanned = store.recoveryReport.segmentsScanned
        try store.close()
        let (_, after) = try hashPass(settings.directory)
        let scan = Scan(segments: scanned, bytes: bytes, hashSeconds: (before + after) / 2)
        return Opening(seconds: seconds, scan: scan)
    }

    fileprivate static func withFirstKey<Result>(
        _ body: (UnsafeRawBufferPointer, Dataset) throws -> Result
    ) rethrows -> Result {
        let dataset = Dataset()
        return try withUnsafeTemporaryAllocation(byteCount: Dataset.keyLength, alignment: 8) { key in
            if let base = key.baseAddress { dataset.writeKey(of: 0, to: base) }
            return try body(UnsafeRawBufferPointer(key), dataset)
        }
    }

    /// Zeroes the trailer of every segment, so that each is scanned as after a death.
    static func removeFooters(_ directory: String) throws {
        for path in try segmentPaths(directory) {
            let file = try FileHandle(forUpdating: URL(fileURLWithPath: path))
            let length = try file.seekToEnd()
            try file.seek(toOffset: length - 64)
            try file.write(contentsOf: Data(count: 64))
            try file.close()
        }
    }

    private static func segmentPaths(_ directory: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: directory)
            .filter { $0.hasSuffix(".segment") }.sorted().map { directory + "/" + $0 }
    }

    private static func hashPass(_ directory: String) throws -> (bytes: Int, seconds: Double) {
        let paths = try segmentPaths(directory)
        let start = monotonicNanoseconds()
        nonisolated(unsafe) let total = UnsafeMutablePointer<Int>.allocate(capacity: paths.count)
        defer { total.deallocate() }
        DispatchQueue.concurrentPerform(iterations: paths.count) { number in
            total[number] = hash(paths[number])
        }
        let seconds = Double(monotonicNanoseconds() - start) / 1e9
        return ((0..<paths.count).reduce(0) { $0 + total[$1] }, seconds)
    }

    /// Hashes what is allocated of the file, as far as its first hole; returns the bytes.
    private static func hash(_ path: String) -> Int {
        let descriptor = open(path, O_RDONLY)
        guard descriptor >= 0 else { return 0 }
        defer { close(descriptor) }
        let count = Int(limit_first_hole(descriptor))
        guard count > 0, let base = mmap(nil, count, PROT_READ, MAP_SHARED, descriptor, 0), base != MAP_FAILED else {
            return 0
        }
        defer { munmap(base, count) }
        // In parts, so that the result is of use to somebody and the pass cannot be left out.
        var sum: UInt64 = 0
        var offset = 0
        while offset < count {
            sum ^= limit_hash(base + offset, min(1 << 16, count - offset))
            offset += 1 << 16
        }
        return sum == 0 ? 0 : count
    }
}

/// Times the making of an engine and the first get.
private final class OpeningStopwatch: EngineUse {
    var seconds = 0.0

    func use<E: Engine>(_ makeEngine: () throws -> E) throws {
        try Opening.withFirstKey { key, dataset in
            let start = monotonicNanoseconds()
            let engine = try makeEngine()
            guard try engine.get(key, { dataset.plausible($0, id: 0) }) == true else {
                throw BenchError("the first entry was not found, or is another")
            }
            seconds = Double(monotonicNanoseconds() - start) / 1e9
            try engine.close()
        }
    }
}
