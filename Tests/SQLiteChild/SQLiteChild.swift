import Glibc
import Granary
import GranarySQLite

/// Sets, removes and sets many, in keys of its own and in keys that all children share, and says on standard output what
/// it begins ("I") and what has returned ("A"), a line each.
enum SQLiteChild {
    /// `sqlite-child FILE NAME SEED OPERATIONS`.
    static func run() async -> Int32 {
        let arguments = CommandLine.arguments
        guard arguments.count == 5, var state = UInt64(arguments[3]), let count = Int(arguments[4]) else { return 64 }
        let name = arguments[2]
        do {
            let cache = try await SQLiteCache(file: arguments[1])
            for number in 0..<count {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                try await operate(cache, name, number, random: state >> 20)
            }
            try await cache.close()
            return 0
        } catch {
            say("E \(error)")
            return 1
        }
    }

    private static func operate(_ cache: SQLiteCache, _ name: String, _ number: Int, random: UInt64) async throws {
        let key = "\(name)/\(random % 40)"
        let length = random % 11 == 0 ? 20_000 : Int(random >> 8 & 1_023)
        switch random >> 24 % 10 {
        case 0:
            say("I \(number) remove \(key) 0")
            try await cache.remove(key)
        case 1:
            let keys = (0..<5).map { "\(name)/\((random + UInt64($0) * 7) % 40)" }
            for key in keys { say("I \(number) set \(key) \(length)") }
            try await cache.set(keys.map { CacheEntry($0, value($0, name, number, length)) })
        case 2:
            let shared = "shared/\(random % 5)"
            say("I \(number) set \(shared) \(length)")
            try await cache.set(shared, to: value(shared, name, number, length))
        default:
            say("I \(number) set \(key) \(length)")
            try await cache.set(key, to: value(key, name, number, length))
        }
        say("A \(number)")
    }

    private static func value(_ key: String, _ name: String, _ number: Int, _ length: Int) -> CacheValue {
        CacheValue(ChildValue.bytes(key: key, name: name, number: number, length: length))
    }

    private static func say(_ line: String) {
        let bytes = Array((line + "\n").utf8)
        var written = 0
        while written < bytes.count {
            let count = bytes[written...].withUnsafeBytes { write(1, $0.baseAddress, $0.count) }
            if count <= 0 { _exit(2) }
            written += count
        }
    }
}
