import Glibc
import SegmentStore

/// Reads keys at random beside a writer until its input ends, and looks at every byte of what it gets.
///
///     arguments: directory  copy|lend  keys  seed
///     output: a line once it is open, and one whenever it is asked and at the end:
///             reads  reads that gave something  refreshes  openings
///             reads that gave an older value of the key than one before
struct ReadBeside {
    private let directory: String
    private let lends: Bool
    private let keyCount: Int
    private let seed: UInt64

    init?(_ arguments: [String]) {
        guard arguments.count == 4, let keyCount = Int(arguments[2]), let seed = UInt64(arguments[3]) else {
            return nil
        }
        directory = arguments[0]
        lends = arguments[1] == "lend"
        self.keyCount = keyCount
        self.seed = seed
    }

    func run() -> CInt {
        do {
            try read()
            return 0
        } catch {
            ChildRole.fail("\(error)")
        }
    }

    private func read() throws(StoreError) {
        var store = try SegmentStore(directory: directory, options: StoreOptions(access: .readOnly))
        ChildRole.say("open")
        var random = Random(state: seed)
        var (reads, hits, refreshes, openings) = (0, 0, 0, 1)
        // What each key gave last, and how often one was older than that.
        var older = 0
        var newest = [UInt64](repeating: 0, count: keyCount)
        while true {
            for _ in 0..<500 {
                let key = random.below(keyCount)
                reads += 1
                guard let number = try number(of: key, in: store) else { continue }
                hits += 1
                // An empty value tells nothing.
                if number == 0 { continue }
                if number < newest[key] { older += 1 }
                newest[key] = number
            }
            let request = ChildRole.request(within: 0)
            if request == .end { break }
            if request == .report { ChildRole.say("\(reads) \(hits) \(refreshes) \(openings) \(older)") }
            if random.below(50) == 0 {
                try store.close()
                store = try SegmentStore(directory: directory, options: StoreOptions(access: .readOnly))
                openings += 1
            } else {
                try store.refresh()
                refreshes += 1
            }
        }
        let damaged = try store.statistics().damagedReads
        if damaged > 0 { ChildRole.fail("\(damaged) reads met damage that was none") }
        ChildRole.say("\(reads) \(hits) \(refreshes) \(openings) \(older)")
    }

    /// The number of the version that is there; nil: none is.
    private func number(of key: Int, in store: SegmentStore) throws(StoreError) -> UInt64? {
        let found: UInt64??
        if lends {
            found = try store.withValue(TellingValue.key(key)) { TellingValue.number(of: $0, key: key) }
        } else {
            found = try store.get(TellingValue.key(key)).map { TellingValue.number(of: $0.span.bytes, key: key) }
        }
        guard let found else { return nil }
        guard let number = found else { ChildRole.fail("a wrong byte in the value of \(TellingValue.key(key))") }
        return number
    }
}
