internal import Granary
internal import SegmentStore

/// Why a promise was not kept.
struct Broken: Error {
    let reason: String
}

/// A fresh strategy, and what to know for checking it.
struct Subject: Sendable {
    let cache: any CacheStrategy
    let options: ConformanceOptions

    var time: ConformanceTime { options.time }
    var now: UInt64 { time.clock.milliseconds() }

    /// The moment so much later than now, in milliseconds since 1970.
    func moment(after duration: Duration) -> UInt64 { now + UInt64(clamping: duration.wholeMilliseconds) }

    /// The time that is long enough to set an entry with it and to see it before its end.
    ///
    /// Where time passes by itself, a busy machine may look only after the end, which says nothing of the strategy: then
    /// the time is doubled.
    /// - Parameter isThere: Sets an entry that ends after so much time, and tells whether it is there.
    func timeToLook(_ isThere: (Duration) async throws -> Bool) async throws -> Duration {
        var step = time.step
        while true {
            let earliestEnd = moment(after: step - time.tolerance)
            if try await isThere(step) { return step }
            try require(now >= earliestEnd, "an entry was gone before its end")
            step *= 2
        }
    }
}

/// A fresh strategy that is managed.
struct ManagedSubject: Sendable {
    let cache: any ManagedCacheStrategy
    let options: ConformanceOptions

    var time: ConformanceTime { options.time }

    /// The keys with the prefix, as they are listed.
    func keys(_ prefix: String = "") async throws -> [String] {
        try await cache.keys(hasPrefix: prefix).reduce(into: []) { $0.append($1) }
    }
}

/// A check of one promise: throws `Broken` where it is not kept.
enum Check: Sendable {
    case ofEvery(@Sendable (Subject) async throws -> Void)
    case ofManaged(@Sendable (ManagedSubject) async throws -> Void)
}

extension StrategyPromise {
    /// What tells whether it is kept.
    var check: Check {
        switch self {
        case .givesBackExactBytes: .ofEvery(Values.givesBackExactBytes)
        case .keepsEmptyValues: .ofEvery(Values.keepsEmptyValues)
        case .keepsLargeValues: .ofEvery(Values.keepsLargeValues)
        case .keepsCodings: .ofEvery(Values.keepsCodings)
        case .replacesValues: .ofEvery(Values.replacesValues)
        case .hasNothingUnderOtherKeys: .ofEvery(Keys.hasNothingUnderOtherKeys)
        case .tellsKeysApartByBytes: .ofEvery(Keys.tellsKeysApartByBytes)
        case .keepsOddKeys: .ofEvery(Keys.keepsOddKeys)
        case .refusesOrKeepsTheEmptyKey: .ofEvery(Keys.refusesOrKeepsTheEmptyKey)
        case .getsManyAsOneByOne: .ofEvery(ManyAtOnce.getsManyAsOneByOne)
        case .setsManyAsOneByOne: .ofEvery(ManyAtOnce.setsManyAsOneByOne)
        case .countsTheLaterOfTwo: .ofEvery(ManyAtOnce.countsTheLaterOfTwo)
        case .endsAfterItsTime: .ofEvery(Ends.endsAfterItsTime)
        case .endsAtItsMoment: .ofEvery(Ends.endsAtItsMoment)
        case .neverGivesWhatHasEnded: .ofEvery(Ends.neverGivesWhatHasEnded)
        case .keepsWhatHasNoEnd: .ofEvery(Ends.keepsWhatHasNoEnd)
        case .replacesEnds: .ofEvery(Ends.replacesEnds)
        case .hitsAsItGets: .ofEvery(Hits.hitsAsItGets)
        case .tellsEndsRightly: .ofEvery(Hits.tellsEndsRightly)
        case .givesWholeValuesToManyTasks: .ofEvery(Tasks.givesWholeValuesToManyTasks)
        case .survivesCancellation: .ofEvery(Tasks.survivesCancellation)
        case .removesTheKeyAlone: .ofManaged(Removing.removesTheKeyAlone)
        case .tellsWhetherItRemoved: .ofManaged(Removing.tellsWhetherItRemoved)
        case .removesEverything: .ofManaged(Removing.removesEverything)
        case .listsKeysWithAPrefix: .ofManaged(Listing.listsKeysWithAPrefix)
        case .listsEachKeyOnceDuringSets: .ofManaged(Listing.listsEachKeyOnceDuringSets)
        case .neverListsWhatHasEnded: .ofManaged(Listing.neverListsWhatHasEnded)
        case .countsEntries: .ofManaged(Managing.countsEntries)
        case .growsInBytes: .ofManaged(Managing.growsInBytes)
        case .countsItsCalls: .ofManaged(Managing.countsItsCalls)
        case .flushesWithoutChange: .ofManaged(Managing.flushesWithoutChange)
        case .endsWithClosing: .ofManaged(Managing.endsWithClosing)
        }
    }
}

/// Throws `Broken` with the reason unless the condition holds.
func require(_ condition: Bool, _ reason: @autoclosure () -> String) throws {
    if !condition { throw Broken(reason: reason()) }
}

/// The value for people: what a reader needs to see of it.
func shown(_ value: CacheValue?) -> String {
    guard let value else { return "nothing" }
    let bytes = value.bytes.prefix(8).map { String($0, radix: 16) }.joined(separator: " ")
    let more = value.bytes.count > 8 ? " …" : ""
    return "\(value.bytes.count) bytes [\(bytes)\(more)] of coding \(value.coding.rawValue)"
}
