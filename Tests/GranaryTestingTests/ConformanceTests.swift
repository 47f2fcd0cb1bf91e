import Foundation
import Granary
import GranaryTesting
import SegmentStore
import Synchronization
import TestSupport
import Testing

/// The suite itself: whoever keeps all promises passes, and whoever breaks one fails that one.
@Suite(.inTurn) struct ConformanceTests {
    /// As much as it takes to see each fault.
    private var suite: StrategyConformance {
        var options = ConformanceOptions()
        options.largestValue = 2 << 20
        options.entryCount = 60
        return StrategyConformance(options: options)
    }

    @Test func aStrategyThatKeepsEveryPromisePasses() async throws {
        let report = await suite.report { BrokenCache(breaking: nil, clock: $0) }
        #expect(report.results.map(\.promise) == StrategyPromise.allCases)
        #expect(report.results.allSatisfy { $0.outcome == .passed }, "\(report)")
        try report.requirePassed()
    }

    @Test(arguments: StrategyPromise.allCases)
    func aStrategyThatBreaksOnePromiseFailsThatOne(promise: StrategyPromise) async throws {
        let report = await suite.report { BrokenCache(breaking: promise, clock: $0) }
        #expect(report.failures == [promise], "\(report)")
        #expect(throws: ConformanceFailure.self) { try report.requirePassed() }
    }

    @Test func aStrategyOfTwoMethodsIsAskedForNoMoreThanThat() async throws {
        let report = await suite.report { DictionaryCache(clock: $0) }
        try report.requirePassed()
        let notApplicable = report.results.filter { if case .notApplicable = $0.outcome { true } else { false } }
        #expect(notApplicable.first?.promise == .removesTheKeyAlone && notApplicable.count == 11)
    }

    @Test func whatIsSaidNotToBePromisedIsNotAskedFor() async throws {
        var options = ConformanceOptions()
        options.unsupported = [.keepsCodings]
        let report = await StrategyConformance(options: options).report {
            BrokenCache(breaking: .keepsCodings, clock: $0)
        }
        try report.requirePassed()
        let outcome = report.results.first { $0.promise == .keepsCodings }?.outcome
        #expect(outcome == .notApplicable("the strategy is said not to make it"))
    }

    /// As on a busy machine, before a strategy whose server measures time: the end has come before the answer.
    @Test(arguments: [false, true])
    func onlyAnEntryThatIsGoneBeforeItsEndBreaksAPromise(forgets: Bool) async throws {
        var options = ConformanceOptions()
        options.time.tolerance = .seconds(1)
        let time = options.time
        let report = await StrategyConformance(options: options).report { clock in
            LateCache(base: MemoryCache(clock: clock), forgets: forgets) { try await time.advance(time.step * 2) }
        }
        #expect(report.failures == (forgets ? [.endsAfterItsTime, .endsAtItsMoment] : []), "\(report)")
    }

    @Test func aStrategyThatCannotBeMadeFailsEverything() async {
        struct Refused: Error {}
        let report = await suite.report { _ in throw Refused() }
        #expect(report.failures == StrategyPromise.allCases)
        #expect(report.description.contains("FAILED          keepsCodings: no instance could be made"))
    }
}

/// Lets time pass before it first answers for "soon", and may forget that key at its second set.
private final class LateCache: CacheStrategy {
    private let base: MemoryCache
    private let forgets: Bool
    private let wait: @Sendable () async throws -> Void
    private let wasLate = Atomic(false)

    init(base: MemoryCache, forgets: Bool, wait: @escaping @Sendable () async throws -> Void) {
        self.base = base
        self.forgets = forgets
        self.wait = wait
    }

    func get(_ key: String) async throws -> CacheValue? {
        if key == "soon", !wasLate.exchange(true, ordering: .relaxed) { try await wait() }
        return try await base.get(key)
    }

    func set(_ key: String, to value: CacheValue, options: CacheSetOptions) async throws {
        if key == "soon", forgets, wasLate.load(ordering: .relaxed) { return }
        try await base.set(key, to: value, options: options)
    }
}

/// The strategy that docs/strategies.md shows.
private final class DictionaryCache: CacheStrategy {
    private let entries = Mutex<[[UInt8]: (value: CacheValue, expiry: UInt64?)]>([:])
    private let clock: StoreClock

    init(clock: StoreClock) { self.clock = clock }

    func get(_ key: String) async throws -> CacheValue? {
        let now = clock.milliseconds()
        return entries.withLock { entries in
            guard let entry = entries[Array(key.utf8)], entry.expiry.map({ $0 > now }) ?? true else { return nil }
            return entry.value
        }
    }

    func set(_ key: String, to value: CacheValue, options: CacheSetOptions) async throws {
        let expiry = options.expiry?.milliseconds(now: clock.milliseconds())
        entries.withLock { $0[Array(key.utf8)] = (value, expiry) }
    }
}
