import Foundation
import GRDB
import Granary
import GranarySQLite
import TestSupport
import Testing

/// Several tasks, and several openers in one process.
@Suite(.inTurnOnOwnThread) struct ConcurrencyTests {
    @Test func severalTasksThroughSeveralOpenersSeeWholeValuesAndLoseNone() async throws {
        let directory = try TemporaryDirectory()
        let caches = [try await SQLiteCache(file: directory.file), try await SQLiteCache(file: directory.file)]
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                let cache = caches[task % 2]
                let name = "task-\(task)"
                group.addTask {
                    for number in 0..<150 {
                        let shared = "shared/\(number % 7)"
                        let value = ChildValue.bytes(key: shared, name: name, number: number, length: number * 7)
                        try await cache.set(shared, to: CacheValue(value))
                        let own = "\(name)/\(number)"
                        let bytes = ChildValue.bytes(key: own, name: name, number: number, length: 300)
                        try await cache.set(own, to: CacheValue(bytes))
                        #expect(try await cache.bytes(own) == bytes)
                        if number % 3 == 0 { #expect(try await cache.remove(own)) }
                        let other = "shared/\(number % 5)"
                        if let got = try await cache.bytes(other) { #expect(ChildValue.isWhole(got, key: other)) }
                    }
                }
            }
            try await group.waitForAll()
        }
        for cache in caches {
            #expect(try await cache.count() == 7 + 8 * 100)
            for task in 0..<8 { #expect(try await cache.keys(hasPrefix: "task-\(task)/").all().count == 100) }
        }
        for cache in caches { try await cache.close() }
        #expect(try directory.text("PRAGMA integrity_check") == "ok")
    }

    /// A get searches on its own thread, and closing waits for it.
    @Test func closingBesideGetsEndsThemWithAnAnswerOrTheErrorThatSaysSo() async throws {
        for round in 0..<20 {
            let directory = try TemporaryDirectory()
            let cache = try await SQLiteCache(file: directory.file)
            let value = ChildValue.bytes(key: "key", name: "value", number: 1, length: [20_000, 200_000][round % 2])
            try await cache.set("key", to: CacheValue(value))
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<12 {
                    group.addTask {
                        do {
                            while true {
                                let found = try await cache.bytes("key")
                                #expect(found == value)
                                // A get may be done without suspending, and there are fewer threads than tasks.
                                await Task.yield()
                            }
                        } catch let error as SQLiteCacheError {
                            #expect(error.code == .closed)
                        }
                    }
                }
                // Several at once are as good as one.
                for _ in 0..<3 { group.addTask { try await cache.close() } }
                try await group.waitForAll()
            }
            #expect(try directory.text("PRAGMA integrity_check") == "ok")
        }
    }

    @Test func anyNumberMayMakeTheSameCacheAtTheSameMoment() async throws {
        for _ in 0..<20 {
            let directory = try TemporaryDirectory()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for number in 0..<6 {
                    group.addTask {
                        let cache = try await SQLiteCache(file: directory.path + "/a/b/cache.sqlite")
                        try await cache.set("\(number)", to: CacheValue([UInt8(number)]))
                        try await cache.close()
                    }
                }
                try await group.waitForAll()
            }
            let cache = try await SQLiteCache(file: directory.path + "/a/b/cache.sqlite")
            #expect(try await cache.keys.all() == (0..<6).map { "\($0)" })
            try await cache.close()
        }
    }

    /// With more sets waiting than there are cooperative threads: did one of them block, nothing here would go on.
    @Test(.timeLimit(.minutes(30))) func setsThatWaitForAnotherWriterHoldUpNobodyElse() async throws {
        let directory = try TemporaryDirectory()
        // Longer than the test may take, however slow the machine is.
        let options = SQLiteCacheOptions(busyTimeout: .seconds(120))
        let caches = [
            try await SQLiteCache(file: directory.file, options: options),
            try await SQLiteCache(file: directory.file, options: options),
        ]
        try await caches[0].set("before", to: CacheValue([1]))
        let other = try DatabaseQueue(path: directory.file, configuration: unsafeConfiguration)
        try await other.writeWithoutTransaction { try $0.execute(sql: "BEGIN IMMEDIATE") }
        let sets = (0..<64).map { number in
            Task { try await caches[number % 2].set("\(number)", to: CacheValue([UInt8(number)])) }
        }
        let opening = Task { try await SQLiteCache(file: directory.file) }
        for cache in caches { #expect(try await cache.bytes("before") == [1]) }
        for _ in 0..<64 { await Task { await Task.yield() }.value }
        #expect(try await caches[0].count() == 1)
        try await other.writeWithoutTransaction { try $0.execute(sql: "COMMIT") }
        for set in sets { try await set.value }
        #expect(try await opening.value.count() == 65)
    }

    @Test func aWriterThatNeverEndsIsAnErrorOnceTheTimeIsUp() async throws {
        let directory = try TemporaryDirectory()
        let options = SQLiteCacheOptions(busyTimeout: .milliseconds(50))
        let cache = try await SQLiteCache(file: directory.file, options: options)
        try await cache.set("key", to: CacheValue([1]))
        let other = try DatabaseQueue(path: directory.file, configuration: unsafeConfiguration)
        try await other.writeWithoutTransaction { try $0.execute(sql: "BEGIN IMMEDIATE") }
        let failure = await error { try await cache.set("key", to: CacheValue([2])) }
        #expect(failure?.code == .busy && failure?.path == directory.file)
        #expect(try await cache.bytes("key") == [1])
        // Who only reads need not wait, and neither does who opens the cache.
        #expect(try await SQLiteCache(file: directory.file, options: options).bytes("key") == [1])
        try await other.writeWithoutTransaction { try $0.execute(sql: "ROLLBACK") }
        try await cache.set("key", to: CacheValue([2]))
        #expect(try await cache.bytes("key") == [2])
    }

    /// What holds a transaction open between two accesses.
    private var unsafeConfiguration: Configuration {
        var configuration = Configuration()
        configuration.allowsUnsafeTransactions = true
        return configuration
    }

    @Test func closingBesideCallsEndsThemWithAnAnswerOrTheirError() async throws {
        for _ in 0..<30 {
            let directory = try TemporaryDirectory()
            let cache = try await SQLiteCache(file: directory.file)
            let calls = (0..<20).map { number in
                Task {
                    do {
                        try await cache.set("\(number)", to: CacheValue([1]))
                        return true
                    } catch let error as SQLiteCacheError where error.code == .closed {
                        return false
                    }
                }
            }
            try await cache.close()
            var stored: [String] = []
            for (number, call) in calls.enumerated() where try await call.value { stored.append("\(number)") }
            let reopened = try await SQLiteCache(file: directory.file)
            #expect(try await reopened.keys.all() == stored.sorted())
            try await reopened.close()
        }
    }
}
