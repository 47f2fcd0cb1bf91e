import CLinux
import Glibc
import Synchronization

/// What one thread shows of its reading of one store: the segments it holds, and its counts.
///
/// These are hazard pointers (Michael, "Hazard Pointers: Safe Memory Reclamation for Lock-Free Objects", IEEE TPDS 2004)
/// that name slots. Only the thread itself stores here, so nothing is ever read, changed and written back: a read that
/// locks no bus leaves the processor free to wait for the memory of several reads at once.
///
///     words 0–7    slots held, plus one; zero: none
///     word  8      how many of them are in use: lends may be nested
///     words 9, 10  hits, misses
///
/// A non-owning handle on memory of a `ReaderRecord`.
struct Reader {
    fileprivate let words: UnsafeMutablePointer<Atomic<Int>>

    static let holdLimit = 8
    fileprivate static let wordCount = 16
    private static let depth = 8
    fileprivate static let hits = 9
    fileprivate static let misses = 10

    /// Shows that the slot is about to be read; nil where nested lends have used all holds up.
    @inline(__always)
    func hold(_ slot: Int) -> Int? {
        let depth = words[Self.depth].load(ordering: .relaxed)
        guard depth < Self.holdLimit else { return nil }
        // The depth first, so that a signal's handler that reads takes the next place and not this one.
        words[Self.depth].store(depth + 1, ordering: .relaxed)
        granary_compiler_fence()
        words[depth].store(slot + 1, ordering: .releasing)
        return depth
    }

    /// Ends the hold that was taken last.
    @inline(__always)
    func release(_ hold: Int) {
        words[hold].store(0, ordering: .releasing)
        words[Self.depth].store(hold, ordering: .relaxed)
    }

    @inline(__always) func countHit(_ step: Int = 1) { add(step, Self.hits) }
    @inline(__always) func countMiss() { add(1, Self.misses) }

    @inline(__always)
    private func add(_ step: Int, _ word: Int) {
        words[word].store(words[word].load(ordering: .relaxed) &+ step, ordering: .relaxed)
    }
}

/// Owns the memory of a `Reader`; kept by the store and by the thread.
///
/// `@unchecked`: the memory is atomics only, and lives as long as this.
private final class ReaderRecord: @unchecked Sendable {
    let reader: Reader
    /// Nobody reads with it any more, its thread being gone; another thread may.
    let isFree = Atomic<Bool>(false)
    /// Its store is gone.
    let isOrphaned = Atomic<Bool>(false)

    init() {
        // Two cache lines of its own: the processor fetches them in pairs.
        let memory = UnsafeMutableRawPointer.allocate(byteCount: Reader.wordCount * 8, alignment: 128)
        let words = memory.bindMemory(to: Atomic<Int>.self, capacity: Reader.wordCount)
        for word in 0..<Reader.wordCount { (words + word).initialize(to: Atomic(0)) }
        reader = Reader(words: words)
    }

    deinit { UnsafeMutableRawPointer(reader.words).deallocate() }
}

/// The readers of one store, one for each thread that has read it.
final class Readers: Sendable {
    /// Finds a thread's reader; a value, so that a read need not touch this object.
    let finder = ReaderFinder(store: Readers.lastID.wrappingAdd(1, ordering: .relaxed).newValue)
    private let records = Mutex<[ReaderRecord]>([])
    private static let lastID = Atomic<UInt64>(0)

    deinit {
        for record in records.withLock({ $0 }) { record.isOrphaned.store(true, ordering: .releasing) }
    }

    /// True if no other thread reads, as in a command that looks one key up: it needs no barrier. A thread that becomes a
    /// reader after this does so under the same lock, and sees what was stored before.
    var areOfThisThread: Bool {
        let own = finder.current
        return records.withLock { records in
            records.allSatisfy { $0.isFree.load(ordering: .acquiring) || $0.reader.words == own?.words }
        }
    }

    /// True if some thread holds the slot.
    func hold(_ slot: Int) -> Bool {
        records.withLock { records in
            records.contains { record in
                (0..<Reader.holdLimit).contains { record.reader.words[$0].load(ordering: .acquiring) == slot + 1 }
            }
        }
    }

    var hits: Int { total(Reader.hits) }
    var misses: Int { total(Reader.misses) }

    private func total(_ word: Int) -> Int {
        records.withLock { $0.reduce(0) { $0 + $1.reader.words[word].load(ordering: .relaxed) } }
    }

    /// Gives the calling thread a reader; nil where the system has no room for one.
    @inline(never)
    func register() -> Reader? {
        guard let block = ThreadReaders.blockOfThread() else { return nil }
        let known = block.owner.record(of: finder.store)
        let record = known ?? freeRecord()
        if known == nil { block.owner.keep(record, for: finder.store) }
        block.remember(record.reader, of: finder.store)
        return record.reader
    }

    private func freeRecord() -> ReaderRecord {
        records.withLock { records in
            for record in records {
                let (taken, _) = record.isFree.compareExchange(
                    expected: true,
                    desired: false,
                    ordering: .acquiringAndReleasing
                )
                if taken { return record }
            }
            let record = ReaderRecord()
            records.append(record)
            return record
        }
    }
}

/// Finds the calling thread's reader of a store, with loads alone.
struct ReaderFinder: Sendable {
    fileprivate let store: UInt64
    private let key = ThreadReaders.key

    /// Nil where the thread has none yet.
    @inline(__always)
    var current: Reader? {
        guard let key, let value = pthread_getspecific(key) else { return nil }
        return ThreadReaders.Block(value).reader(of: store)
    }

    fileprivate init(store: UInt64) {
        self.store = store
    }
}

/// What one thread knows of its readers, by store.
private final class ThreadReaders {
    private var records: [UInt64: ReaderRecord] = [:]

    func record(of store: UInt64) -> ReaderRecord? { records[store] }

    func keep(_ record: ReaderRecord, for store: UInt64) {
        records = records.filter { !$0.value.isOrphaned.load(ordering: .acquiring) }
        records[store] = record
    }

    deinit { for record in records.values { record.isFree.store(true, ordering: .releasing) } }

    /// The thread's readers of two stores, found without anything but loads, and the owner of all.
    struct Block {
        fileprivate let memory: UnsafeMutablePointer<Content>

        fileprivate init(_ value: UnsafeMutableRawPointer) {
            memory = value.assumingMemoryBound(to: Content.self)
        }

        fileprivate struct Content {
            var first: (store: UInt64, reader: Reader?)
            var second: (store: UInt64, reader: Reader?)
            let owner: Unmanaged<ThreadReaders>
        }

        @inline(__always)
        func reader(of store: UInt64) -> Reader? {
            if memory.pointee.first.store == store { return memory.pointee.first.reader }
            if memory.pointee.second.store == store { return memory.pointee.second.reader }
            return nil
        }

        var owner: ThreadReaders { memory.pointee.owner.takeUnretainedValue() }

        func remember(_ reader: Reader, of store: UInt64) {
            memory.pointee.second = memory.pointee.first
            memory.pointee.first = (store, reader)
        }
    }

    /// One key for the process; a key for each store would use the few there are up.
    static let key: pthread_key_t? = {
        var key = pthread_key_t()
        let result = pthread_key_create(&key) { @Sendable value in
            guard let value else { return }
            let memory = value.assumingMemoryBound(to: Block.Content.self)
            memory.pointee.owner.release()
            memory.deallocate()
        }
        return result == 0 ? key : nil
    }()

    static func blockOfThread() -> Block? {
        guard let key else { return nil }
        if let value = pthread_getspecific(key) { return Block(value) }
        let memory = UnsafeMutablePointer<Block.Content>.allocate(capacity: 1)
        let owner = Unmanaged.passRetained(ThreadReaders())
        memory.initialize(to: Block.Content(first: (0, nil), second: (0, nil), owner: owner))
        guard pthread_setspecific(key, memory) == 0 else {
            owner.release()
            memory.deallocate()
            return nil
        }
        return Block(UnsafeMutableRawPointer(memory))
    }
}
