import Glibc
import Testing

@testable import SegmentStore

/// A fixed run through all that a store does, over a layer that makes calls fail, with a model of what may be there.
///
/// What a call that failed was to change may be as before or as wanted, nothing else. What the store then shows must be
/// found again by every later opener.
final class FaultScenario {
    /// What the store is kept to.
    enum Room: CaseIterable, Sendable {
        case unlimited
        /// All that is set stays: files are given up and used again for what is replaced.
        case limited
        /// More is set than there is room for.
        case scarce
    }

    let directory: TemporaryDirectory
    let files: FaultyFileLayer
    private let path: String
    private let durability: StoreOptions.Durability
    private let room: Room
    private let faultIsLasting: Bool
    /// What each key may give.
    private var allowed: [String: [[UInt8]?]] = [:]
    /// All that a key was ever to have.
    private var history: [String: [[UInt8]?]] = [:]
    private(set) var errors: [StoreError] = []
    private(set) var problems: [String] = []

    init(
        _ files: FaultyFileLayer,
        _ durability: StoreOptions.Durability,
        _ room: Room = .unlimited,
        faultIsLasting: Bool
    ) throws {
        directory = try TemporaryDirectory(inMemory: true)
        path = directory.path + "/new/store"
        self.files = files
        self.durability = durability
        self.room = room
        self.faultIsLasting = faultIsLasting
    }

    private func options(_ access: StoreOptions.Access) -> StoreOptions {
        var options = StoreOptions.stepped(durability)
        options.access = access
        options.compression = .none
        options.files = files
        if room != .unlimited { options.sizeLimit = 1 << 20 }
        if room == .limited { options.eviction = .none }
        return options
    }

    /// More than a small segment takes, or as much as a limited store does.
    private var largeCount: Int { room == .unlimited ? 600_000 : 30_000 }

    /// Bytes that tell the key and the length, made quickly.
    private static func value(_ key: String, _ count: Int) -> [UInt8] {
        var value = [UInt8](repeating: UInt8(truncatingIfNeeded: count), count: count)
        for (position, byte) in text("\(key) \(count)").prefix(count).enumerated() { value[position] = byte }
        return value
    }

    // MARK: The run

    /// Runs all of it, or as far as a lasting fault lets it.
    func run() {
        guard let first = open(.readWrite) else { return }
        if room == .unlimited { fill(first) } else { replace(first) }
        readBeside(first)
        clear(first)
        close(first)
        guard let second = open(.readWrite) else { return }
        if room != .unlimited { replace(second) }
        goOn(second)
        second.abandon()
        guard let third = open(.readWrite) else { return }
        set(third, "after a death", 10)
        close(third)
        guard let reader = open(.readOnly) else { return }
        _ = attempt { try reader.verify() }
        close(reader)
    }

    private func fill(_ store: SegmentStore) {
        for number in 0..<6 { set(store, "small \(number)", 10 + number) }
        set(store, "compressed", 5_000, SetOptions(tag: text("tag"), compression: .lz4(minimumLength: 1)))
        set(store, "small 1", 40)
        remove(store, "small 2")
        batch(store, ["small 3", "batch 1", "batch 2"].map { ($0, 50) } + [("batch large", 590_000)])
        set(store, "large", 600_000)
        for number in 0..<11 {
            set(store, "filling \(number)", 100_000)
            if number == 6 { steps(store) }
        }
        check(store)
        steps(store)
        if attempt({ try store.flush() }) == nil { check(store) }
    }

    /// Sets more than the limit, so that files are given up.
    private func replace(_ store: SegmentStore) {
        let keyCount = room == .limited ? 15 : 40
        for number in 0..<90 {
            set(store, "replaced \(number % keyCount)", 20_000 + number)
            if number % 10 == 9 { remove(store, "replaced \(number % 7)") }
            if number % 30 == 29 {
                steps(store)
                check(store)
            }
        }
        if attempt({ try store.flush() }) == nil { check(store) }
    }

    private func readBeside(_ writer: SegmentStore) {
        guard let reader = open(.readOnly) else { return }
        set(writer, "beside", 30)
        remove(writer, "small 4")
        set(writer, "large beside", largeCount)
        check(writer)
        if attempt({ try reader.refresh() }) != nil {
            check(reader)
        } else {
            checkIsHistory(reader)
            // A refresh that failed is made up for by the next one.
            if !faultIsLasting, attempt({ try reader.refresh() }) != nil { check(reader) }
        }
        close(reader)
    }

    private func clear(_ store: SegmentStore) {
        let before = allowed
        check(store)
        let had = store.count
        if attempt({ try store.removeAll() }) != nil {
            for key in allowed.keys { allowed[key] = [nil] }
        } else {
            for (key, values) in before { allowed[key] = values + [nil] }
            let has = store.count
            if has != 0 && has != had { problems.append("a clear that failed left \(has) of \(had) entries") }
        }
        check(store)
        set(store, "after the clear", 20)
        set(store, "small 0", 21)
    }

    private func goOn(_ store: SegmentStore) {
        set(store, "small 0", 22)
        batch(store, (0..<5).map { ("late \($0)", 30) })
        remove(store, "late 3")
        if let report = attempt({ try store.verify() }), report.damage > 0 {
            problems.append("verify finds damage: \(report.findings)")
        }
        _ = attempt { try store.statistics() }
        check(store)
    }

    // MARK: Steps

    private func attempt<Result>(_ body: () throws -> Result) -> Result? {
        do {
            return try body()
        } catch let error as StoreError {
            errors.append(error)
        } catch {
            problems.append("an error of no type: \(error)")
        }
        return nil
    }

    /// Opens the store, again if it failed and the fault has gone; what it shows must be what was there.
    private func open(_ access: StoreOptions.Access) -> SegmentStore? {
        var store = attempt { try SegmentStore(directory: path, options: options(access)) }
        if store == nil && !faultIsLasting {
            store = attempt { try SegmentStore(directory: path, options: options(access)) }
            if store == nil { problems.append("a fault that has gone keeps the store from opening") }
        }
        if let store { check(store) }
        return store
    }

    private func close(_ store: SegmentStore) {
        _ = attempt { try store.close() }
    }

    private func steps(_ store: SegmentStore) {
        _ = attempt { try store.runBackgroundSteps() }
    }

    private func set(_ store: SegmentStore, _ key: String, _ count: Int, _ options: SetOptions = SetOptions()) {
        let value =
            options.compression == nil ? Self.value(key, count) : [UInt8](repeating: 7, count: count)
        let isSet = attempt { try store.set(key, to: value, options: options) } != nil
        note(key, value, isDone: isSet)
    }

    private func remove(_ store: SegmentStore, _ key: String) {
        let isRemoved = attempt { try store.remove(key) } != nil
        note(key, nil, isDone: isRemoved)
    }

    private func batch(_ store: SegmentStore, _ entries: [(String, Int)]) {
        let batch = entries.map { BatchEntry(key: text($0.0), value: Self.value($0.0, $0.1)) }
        let isSet = attempt { try store.set(batch) } != nil
        for (entry, name) in zip(batch, entries) { note(name.0, entry.value, isDone: isSet) }
    }

    private func note(_ key: String, _ value: [UInt8]?, isDone: Bool) {
        if let value { history[key, default: []].append(value) }
        allowed[key] = isDone ? [value] : (allowed[key] ?? [nil]) + [value]
    }

    // MARK: The model

    /// Compares what the store shows with what it may; from now on it must be just that.
    private func check(_ store: SegmentStore) {
        var live = 0
        for (key, values) in allowed.sorted(by: { $0.key < $1.key }) {
            let shown = attempt { try store.withValue(key) { lent in lent.withUnsafeBytes { Self.match($0, values) } } }
            guard let shown else { return problems.append("a read failed") }
            switch shown {
            case .some(.some(let number)):
                live += 1
                allowed[key] = [values[number]]
            case .some(nil): problems.append("\(key) gives something else")
            case nil where room == .scarce:
                // What left may be there again after a flush that failed; nothing that it had replaced.
                if !values.contains(where: { $0 == nil }) { allowed[key] = values + [nil] }
            case nil where values.contains { $0 == nil }: allowed[key] = [nil]
            case nil: problems.append("\(key) gives nothing")
            }
        }
        if store.count != live { problems.append("the store counts \(store.count) entries, has \(live)") }
        for key in ["small 0", "compressed"] {
            guard let got = attempt({ try store.get(key) }) else { return problems.append("a read failed") }
            if allowed[key]?.contains(got) == false { problems.append("\(key) is lent as something else") }
        }
    }

    /// Which of the values the bytes are. Compared as memory: debug builds take long over bytes one by one.
    private static func match(_ bytes: UnsafeRawBufferPointer, _ values: [[UInt8]?]) -> Int? {
        values.firstIndex { value in
            guard let value, value.count == bytes.count else { return false }
            return value.withUnsafeBytes { value in
                guard let base = value.baseAddress, let other = bytes.baseAddress else { return true }
                return memcmp(base, other, value.count) == 0
            }
        }
    }

    private func checkIsHistory(_ reader: SegmentStore) {
        for (key, values) in history {
            let shown = attempt {
                try reader.withValue(key) { lent in lent.withUnsafeBytes { Self.match($0, values) } }
            }
            if case .some(.some(nil)) = shown { problems.append("a reader whose refresh failed gives \(key) anew") }
        }
    }

    /// Without faults the store opens, is whole, has what it showed last, and can be written.
    func checkWithoutFaults() {
        files.arm(nil)
        errors = []
        guard let store = open(.readWrite) else { return problems.append("it does not open without faults") }
        problems += store.invariantViolations()
        if let report = attempt({ try store.verify() }), report.damage > 0 || report.tornRecords > 0 {
            problems.append("verify finds damage: \(report.findings)")
        }
        set(store, "at last", 12)
        set(store, "at last, large", largeCount)
        problems += store.invariantViolations()
        close(store)
        if let reader = open(.readOnly) { close(reader) }
        problems += errors.map { "without faults: \($0)" }
        problems += files.leaks
    }
}
