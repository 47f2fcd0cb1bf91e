import Glibc
import Synchronization
import TestSupport
import Testing

@testable import SegmentStore

/// A flush that fails is reported to everyone who waits for it, and nothing is reported as forced afterwards.
@Suite(.inTurnOnOwnThread) struct FailedFlushTests {
    typealias Fault = FaultyFileLayer.Fault
    static let flushes: Set<FaultyFileLayer.Call> = [.forceMapping, .forceFile, .forceDirectory]

    static let durabilities: [StoreOptions.Durability] = [.never, .interval(.seconds(1)), .everySet]

    let files = FaultyFileLayer()
    let directory: TemporaryDirectory

    init() throws { directory = try TemporaryDirectory(inMemory: true) }

    private func open(
        _ durability: StoreOptions.Durability,
        _ name: String = "store",
        isLimited: Bool = false
    ) throws -> SegmentStore {
        var options = StoreOptions.bounded(durability, limit: isLimited ? 1 << 20 : nil, .none)
        options.files = files
        return try SegmentStore(directory: directory.path + "/" + name, options: options)
    }

    @Test func everyWaiterGetsTheErrorOfTheFlush() throws {
        let store = try open(.everySet)
        try store.set("forced", to: [1])
        let writers = 8
        files.arm(Fault(calls: [.forceMapping], effect: .error(EIO)))
        // The flush of the first to come fails once all others have published what they will wait for.
        files.beforeForcing { _ in while store.index.setCount < 1 + writers { sched_yield() } }
        let outcomes = Mutex<[StoreError?]>([])
        let threads = (0..<writers).map { number in
            startThread {
                let outcome = error { try store.set("waiting \(number)", to: [UInt8(number)]) }
                outcomes.withLock { $0.append(outcome) }
            }
        }
        for thread in threads { pthread_join(try #require(thread), nil) }
        files.beforeForcing(nil)
        let seen = outcomes.withLock { $0 }
        #expect(seen.count == writers)
        for outcome in seen { #expect(outcome?.code == .inputOutput && outcome?.number == EIO) }
        #expect(files.counts[.forceMapping] == 1)
        try expectStopped(store, "forced")
        #expect(throws: StoreError.self) { try store.flush() }
        #expect(try store.statistics().unforcedBytes > 0 && store.statistics().unforcedAge > .zero)
        #expect(throws: StoreError.self) { try store.close() }
        #expect(files.counts[.forceMapping] == 1)

        let again = try open(.everySet)
        #expect(again.count == 1 + writers)
        try again.set("forced", to: [2])
        try again.close()
        #expect(files.leaks == [])
    }

    /// Writes are refused with a code of their own, and what is there can be read.
    private func expectStopped(_ store: SegmentStore, _ key: String) throws {
        let batch = [BatchEntry(key: text("a"), value: [1]), BatchEntry(key: text("b"), value: [1])]
        let writes: [() throws -> Void] = [
            { try store.set(key, to: [9]) }, { try store.set("large", to: [UInt8](repeating: 1, count: 600_000)) },
            { try store.set(batch) }, { try store.remove(key) }, { try store.removeAll() },
        ]
        for write in writes { #expect(error(write)?.code == .writesStopped) }
        #expect(try store.get(key) == [1])
        #expect(try store.verify().damage == 0)
    }

    /// What may be forced under a limit without anybody who waits for it, as files are made ahead and given up; who comes
    /// next hears of its failure.
    static let unawaited: Set<ForcePurpose> = [
        .newSegment, .newSegmentName, .recordsBeforeRetirement, .retiredSegment, .unforcedNames, .unforcedSegment,
    ]

    /// The flushes of a whole life of a store, from making its directory to closing it again: each fails in turn.
    @Test(arguments: durabilities, [(false, EIO), (false, ENOSPC), (true, EIO)])
    func nothingIsReportedAsForcedAfterAFailure(
        durability: StoreOptions.Durability,
        fault: (isLimited: Bool, number: CInt)
    ) throws {
        let number = fault.number
        files.arm(nil)
        #expect(try live("whole", durability, isLimited: fault.isLimited) == nil)
        let count = Self.flushes.reduce(0) { $0 + (files.counts[$1] ?? 0) }
        #expect(count > 4)
        for flush in 1...count {
            let purposes = Mutex<[ForcePurpose]>([])
            files.beforeForcing { purpose in purposes.withLock { $0.append(purpose) } }
            files.arm(Fault(calls: Self.flushes, number: flush, effect: .error(number)))
            let failure = try live("store \(flush)", durability, isLimited: fault.isLimited)
            let code: StoreError.Code = number == EIO ? .inputOutput : .noSpace
            let purpose = purposes.withLock { $0[flush - 1] }
            let isHeardOf =
                fault.isLimited && Self.unawaited.contains(purpose) && failure?.code == .writesStopped
            #expect(
                isHeardOf || (failure?.code == code && failure?.number == number),
                "flush \(flush) of \(count), \(purpose): \(failure as Any)"
            )
            #expect(files.leaks == [])
        }
    }

    /// What the test before this one makes fail.
    @Test func everyForceIsAmongThem() throws {
        let seen = Mutex<Set<ForcePurpose>>([])
        files.beforeForcing { purpose in seen.withLock { _ = $0.insert(purpose) } }
        for durability in Self.durabilities {
            for isLimited in [false, true] {
                #expect(try live("\(durability) \(isLimited)", durability, isLimited: isLimited) == nil)
            }
        }
        #expect(seen.withLock { $0 } == Set(ForcePurpose.allCases))
    }

    /// No descriptor for the directory is no failed flush: nothing was lost, and the next one tries again.
    @Test(arguments: [EMFILE, EACCES]) func aDirectoryThatCannotBeOpenedStopsNothing(number: CInt) throws {
        let store = try open(.never)
        try store.set("key", to: [1])
        files.arm(Fault(calls: [.forceDirectory], effect: .error(number)))
        #expect(error { try store.flush() }?.number == number)
        #expect(files.firings == 1)
        try store.set("key", to: [2])
        try store.flush()
        try store.close()
        #expect(files.leaks == [])
    }

    /// A given-up file that cannot be deleted keeps nothing else from lasting.
    @Test func closeForcesEverythingThoughAFileCannotBeDeleted() throws {
        let store = try open(.interval(.seconds(1)), isLimited: true)
        var values: [UInt8] = []
        while store.maintenance.withLock({ $0.parked.isEmpty }) {
            try #require(values.count < 255)
            values.append(UInt8(values.count))
            let value = [UInt8](repeating: values[values.count - 1], count: 20_000)
            try store.set("key \(values.count % 7)", to: value)
            try store.runBackgroundSteps()
        }
        files.arm(Fault(calls: [.unlink], effect: .error(EACCES), isLasting: true))
        let forced = Mutex<Set<ForcePurpose>>([])
        files.beforeForcing { purpose in forced.withLock { _ = $0.insert(purpose) } }
        #expect(error { try store.close() }?.code == .permissionDenied)
        #expect(forced.withLock { $0.contains(.footer) })
        #expect(files.leaks == [])
        files.beforeForcing(nil)
        files.arm(nil)
        let again = try open(.interval(.seconds(1)), isLimited: true)
        #expect(again.recoveryReport.segmentsScanned == 0)
        for (number, value) in values.enumerated().suffix(7) {
            #expect(try again.get("key \((number + 1) % 7)")?.first == value)
        }
        try again.close()
    }

    /// Makes a store, writes, closes it, kills it, goes on, clears; the first error ends that, and must stop the writes.
    private func live(
        _ name: String,
        _ durability: StoreOptions.Durability,
        isLimited: Bool
    ) throws -> StoreError? {
        let largeCount = isLimited ? 30_000 : 600_000
        let fillingCount = isLimited ? 12_000 : 100_000
        var expected: [String: UInt8] = [:]
        var wanted: [String: UInt8] = [:]
        // What a clear that failed may have ended.
        var clearing: [String: UInt8] = [:]
        func run(_ store: SegmentStore, _ body: () throws -> Void) throws -> StoreError? {
            let failure = error(body)
            guard failure != nil else { return nil }
            let isOpen = error { _ = try store.get("key") } == nil
            if isOpen {
                #expect(error { try store.set("late", to: [1]) }?.code == .writesStopped)
                #expect(
                    error { try store.set("later", to: [UInt8](repeating: 1, count: largeCount)) }?.code
                        == .writesStopped
                )
                let forced = files.counts
                for (key, value) in expected { #expect(try store.get(key)?.first == value) }
                #expect(store.count == 0 || clearing.allSatisfy { (try? store.get($0)?.first) == $1 })
                #expect(throws: StoreError.self) { try store.close() }
                #expect(Self.flushes.allSatisfy { files.counts[$0] == forced[$0] }, "flushed after a failure")
            }
            return failure
        }
        func set(_ store: SegmentStore, _ key: String, _ value: UInt8, count: Int = 100) throws {
            wanted[key] = value
            try store.set(key, to: [UInt8](repeating: value, count: count))
            expected[key] = value
        }
        func finish(_ failure: StoreError) throws -> StoreError {
            // Reopening recovers: everything that was set is there, for the disk did not really lose it.
            let again = try open(durability, name, isLimited: isLimited)
            for (key, value) in expected { #expect(try again.get(key)?.first == value) }
            #expect(clearing.isEmpty || again.count == 0 || again.count == clearing.count)
            for (key, value) in wanted where expected[key] == nil {
                let got = try again.get(key)?.first
                #expect(got == nil || got == value)
            }
            #expect(again.invariantViolations() == [])
            try again.set("anew", to: [1])
            try again.close()
            return failure
        }
        for round in 0..<3 {
            var opened: SegmentStore?
            if let failure = error({ opened = try open(durability, name, isLimited: isLimited) }) {
                return try finish(failure)
            }
            let store = try #require(opened)
            let failure = try run(store) {
                for number in 0..<4 { try set(store, "\(round) \(number)", UInt8(number)) }
                try set(store, "\(round) large", 7, count: largeCount)
                for number in 0..<7 { try set(store, "\(round) filling \(number)", 8, count: fillingCount) }
                // Files are given up for what is replaced.
                for number in 0..<(isLimited ? 60 : 0) {
                    try set(store, "\(round) filling \(number % 7)", 8, count: fillingCount)
                }
                try store.runBackgroundSteps()
                for number in 7..<10 { try set(store, "\(round) filling \(number)", 8, count: fillingCount) }
                try store.runBackgroundSteps()
                try store.flush()
                if round == 2 {
                    clearing = expected
                    expected = [:]
                    try store.removeAll()
                    clearing = [:]
                    wanted = [:]
                }
                try set(store, "\(round) key", UInt8(round))
                if round != 1 { try store.close() } else { store.abandon() }
            }
            if let failure { return try finish(failure) }
        }
        return nil
    }
}

private func error(_ body: () throws -> Void) -> StoreError? {
    do {
        try body()
        return nil
    } catch {
        return error as? StoreError
    }
}
