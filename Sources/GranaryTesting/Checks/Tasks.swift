internal import Granary

/// Many tasks, and tasks that give up.
enum Tasks {
    private static let keyCount = 5

    /// Bytes that tell which key they are of, and whether they are whole: all the same, as many as that says.
    private static func value(_ key: Int, _ turn: Int) -> CacheValue {
        let byte = UInt8((turn * keyCount + key) % 250)
        return CacheValue([UInt8](repeating: byte, count: 100 + Int(byte) * 40), coding: ValueCoding(rawValue: byte))
    }

    private static func isWhole(_ value: CacheValue, of key: Int) -> Bool {
        guard let byte = value.bytes.first, Int(byte) % keyCount == key else { return false }
        return value == self.value(key, Int(byte) / keyCount)
    }

    static func givesWholeValuesToManyTasks(_ subject: Subject) async throws {
        let cache = subject.cache
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<10 {
                group.addTask {
                    for turn in 0..<40 {
                        let key = (task + turn) % keyCount
                        if turn % 8 == 7 {
                            try await cache.set((0..<keyCount).map { CacheEntry("task/\($0)", value($0, turn)) })
                        } else if turn % 2 == 0 {
                            try await cache.set("task/\(key)", to: value(key, turn + task))
                        } else if let found = try await cache.get("task/\(key)") {
                            try require(isWhole(found, of: key), "\(shown(found)) is no value that was set for its key")
                        }
                        let many = try await cache.get((0..<keyCount).map { "task/\($0)" })
                        for (key, found) in many.enumerated() {
                            guard let found else { continue }
                            try require(isWhole(found, of: key), "\(shown(found)) is no value that was set for its key")
                        }
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    static func survivesCancellation(_ subject: Subject) async throws {
        let cache = subject.cache
        try await cache.set("kept", to: CacheValue([1]))
        await withTaskGroup(of: Void.self) { group in
            for number in 0..<20 {
                group.addTask {
                    // Cancelled before the call begins or while it runs, and in either case it may be done or not.
                    withUnsafeCurrentTask { if number % 2 == 0 { $0?.cancel() } }
                    _ = try? await cache.get("kept")
                    try? await cache.set("cancelled/\(number)", to: CacheValue([UInt8(number)]))
                    _ = try? await cache.get(["kept", "cancelled/\(number)"])
                }
            }
            group.cancelAll()
        }
        try require(try await cache.get("kept") == CacheValue([1]), "what was there before is not given back")
        for number in 0..<20 {
            guard let found = try await cache.get("cancelled/\(number)") else { continue }
            try require(found == CacheValue([UInt8(number)]), "a cancelled set has left \(shown(found))")
        }
        try await cache.set("after", to: CacheValue([2]))
        try require(try await cache.get("after") == CacheValue([2]), "what was set afterwards is not given back")
    }
}
