import Glibc
import Synchronization

/// A key-value store for paid answers: bytes in, bytes out, on the local disk, at memory speed.
///
/// Records are appended to memory-mapped segments; an index in memory says where the newest record of each key lies.
/// A record that `set` has returned survives the death of the process at any instruction. Safe to use from any number
/// of threads; one opener writes at a time, others may read beside it.
///
/// ```swift
/// let store = try SegmentStore(directory: "/var/cache/answers")
/// try store.set("question", to: Array("answer".utf8))
/// let answer = try store.get("question")
/// try store.close()
/// ```
///
/// Locks, outermost first: closing, reclaiming, sealing, maintenance, flushing, the publication barrier's turn; and the shards' writer locks
/// in ascending order; reservation inside all of them.
/// No I/O is done and nothing is waited for under a shard's lock or the reservation lock.
public final class SegmentStore: Sendable {
    /// The directory that holds the store.
    public let directory: String
    /// What this opener may do.
    public var access: StoreOptions.Access { options.access }

    let options: StoreOptions
    let files: any FileLayer
    let isReadOnly: Bool
    /// Of an opener that only reads: a writer was seen to have used a file again since the last refresh.
    let isStale = Atomic<Bool>(false)
    /// Of the same: what a writer had carried and not yet given up where it lay. Inside the shards' locks.
    let copies: Mutex<RecordCopies>
    let index: Index
    let segments: SegmentTable
    let forkGuard = ForkGuard()
    let readerFinder: ReaderFinder
    /// Flushes, seals, and makes segments.
    let background = BackgroundThread()
    /// Touches pages ahead of the tail, for which a flush would come too late.
    let toucher = BackgroundThread()
    let counters = Counters()

    /// Set once, when the first segment is known or made.
    let keyHashSeed: Atomic<UInt64>
    let identityBox: Mutex<DirectorySurvey.Identity>
    /// Guards the writing of footers, for which nobody who needs a segment has to wait.
    let sealing = Mutex<Void>(())
    /// Guards the making, continuing and dropping of segments.
    let maintenance: Mutex<Maintenance>
    /// What was known of continued segments when their footers were taken back, by slot.
    let continued = Mutex<[Int: KnownRows]>([:])
    /// The reservation lock.
    let reservation: Mutex<Reservation>
    /// Records reserved and not yet published.
    let publication = PublicationBarrier()
    /// Guards forcing: one flush at a time, whose success everyone waiting for it shares.
    let flushing = Mutex<FlushState>(FlushState())
    /// Sequences below this have reached the disk.
    let forcedSequence = Atomic<UInt64>(0)
    /// The room there is; nil: the disk's.
    let limit: SizeLimit?
    /// Guards the choosing and emptying of victims; `sealing`, `maintenance` and shards' locks may be taken inside it.
    let reclaiming = Mutex<ReclaimState>(ReclaimState())
    /// Entries may have left whose older records are on the disk.
    let reclaimWindow = Atomic<Bool>(false)
    /// Whose they were.
    let leavers = LeaverFilter()
    let reclaimFigures = Mutex<ReclaimFigures>(ReclaimFigures())
    let ghosts = GhostTable()
    /// Records of a lower sequence are dead.
    let clearFloor = Atomic<UInt64>(0)
    /// Bytes of the segments in use, which the next one's size follows.
    let capacityMade = Atomic<Int>(0)
    /// Names must reach the disk before what they name counts as forced.
    let namesAreUnforced: Atomic<Bool>
    /// Directories whose entry on the way to this one may not have reached the disk.
    let unforcedParents: Mutex<[String]>
    let touching = Mutex<TouchState>(TouchState())
    let phase = Atomic<UInt8>(Phase.open)
    let writesStopped = Atomic<Bool>(false)
    let lock: Mutex<DirectoryLock?>
    let closing = Mutex<Void>(())
    let recovery: Mutex<RecoveryReport>

    enum Phase {
        static let open: UInt8 = 0
        /// Writes are refused; reads go on until the mappings go.
        static let closing: UInt8 = 1
        static let closed: UInt8 = 2
    }

    /// What the steps that make and drop segments know.
    struct Maintenance: Sendable {
        /// A closed segment with room left, to go on with before a new one is made.
        var continuable: Int?
        /// A closed segment without records, which was made ahead and can be the next spare.
        var emptyClosed: Int?
        /// Segments that were given up, whose files become others once nobody reads them.
        var parked: [Int] = []
        /// Who waits for room under the size limit, in the order in which they came.
        var waiters: [Waiter] = []
        /// The number of the next of them.
        var nextWaiter = 0

        struct Waiter: Sendable {
            var number: Int
            /// What it needs.
            var bytes: Int
        }

        /// Bytes that those need who came before: whoever comes later leaves them, or a large record, which takes many
        /// segments' room at once, would never get it beside small ones, which take each segment as it comes free.
        func bytesAhead(of number: Int?) -> Int {
            waiters.prefix { $0.number != number }.reduce(0) { $0 + $1.bytes }
        }
    }

    /// The rows of a segment up to a byte.
    struct KnownRows: Sendable {
        var rows: RowTable
        var end: Int
    }

    /// Opens the store in the directory, which is created if it may be written, parents included.
    ///
    /// Damage never makes this fail; `recoveryReport` says what was found.
    ///
    /// - Throws: `.locked` with the holder if another opener writes, `.notFound` if there is nothing to read,
    ///   `.unsupportedFormat` if a newer version wrote here (nothing is touched then), `.unsupportedFileSystem` for
    ///   writing on NFS, `.permissionDenied`, `.notADirectory`, `.outOfMemory`, `.noSpace` or `.inputOutput`; the last
    ///   two also where a flush of what was found fails.
    public init(directory: String, options: StoreOptions = StoreOptions()) throws(StoreError) {
        self.directory = directory
        self.options = options
        files = RetryingFileLayer(options.files)
        isReadOnly = options.access == .readOnly
        if let bytes = options.sizeLimit, bytes < SizeLimit.smallest {
            throw StoreError(
                .invalidSizeLimit,
                path: directory,
                detail: "a size limit of \(bytes) bytes; it takes 1 MiB at least"
            )
        }
        limit = options.access == .readOnly ? nil : options.sizeLimit.map(SizeLimit.init)
        guard let index = Index(buckets: options.sizes.buckets), let segments = SegmentTable(slots: options.sizes.slots)
        else {
            throw StoreError(.outOfMemory, path: directory, detail: "the index's memory could not be had")
        }
        self.index = index
        self.segments = segments
        readerFinder = segments.readers.finder

        var opened = try Opening(directory: directory, options: options, index: index, segments: segments, files: files)
            .open()
        keyHashSeed = Atomic(opened.identity.keyHashSeed)
        identityBox = Mutex(opened.identity)
        maintenance = Mutex(opened.maintenance)
        reservation = Mutex(opened.reservation)
        clearFloor.store(opened.clearFloor, ordering: .relaxed)
        recovery = Mutex(opened.report)
        copies = Mutex(opened.copies)
        capacityMade.store(opened.capacityMade, ordering: .relaxed)
        lock = Mutex(opened.takeLock())
        namesAreUnforced = Atomic(opened.namesAreUnforced)
        unforcedParents = Mutex(opened.unforcedParents)
        // What an earlier process left unforced waits for the first flush.
        let isForced = opened.reservation.unforced.isEmpty && !opened.namesAreUnforced
        forcedSequence.store(isForced ? opened.reservation.nextSequence : 0, ordering: .relaxed)

        // Files that are used again may have changed hands between one look and the next.
        if isReadOnly, segments.inUse.contains(where: { segments[$0].pointee.header.isReused }) { try refresh() }
        guard !isReadOnly, options.runsBackgroundThread else { return }
        // A weak reference would have every retain of the store take the long way, through a table beside it. Unmanaged is
        // sound: the store waits for the end of both threads before it goes; the one that lets go of it last, if it is one
        // of them, runs no further step.
        let store = Unmanaged.passUnretained(self)
        let started =
            background.start(niceness: backgroundNiceness) { store.takeUnretainedValue().backgroundStep() }
            && toucher.start { store.takeUnretainedValue().touchAhead() }
        guard started else {
            stopThreads()
            throw StoreError(.outOfMemory, path: directory, detail: "the system refuses to start another thread")
        }
    }

    deinit {
        if forkGuard.isForkedChild {
            // Its threads do not exist here; destroying what they wait on would wait for them, as would locks of the
            // table's readers that another thread held at the fork.
            _ = Unmanaged.passRetained(background)
            _ = Unmanaged.passRetained(toucher)
            _ = Unmanaged.passRetained(segments)
            return
        }
        try? close()
    }

    /// What opening found; a refresh keeps its number of segments up to date.
    public var recoveryReport: RecoveryReport { recovery.withLock { $0 } }

    /// What this directory's segments have in common; a reader of an empty directory learns it by a refresh.
    var identity: DirectorySurvey.Identity { identityBox.withLock { $0 } }

    /// Flushing and sealing take processor time for milliseconds, which the callers' threads need more urgently; but where
    /// there is a size limit, those wait for reclamation.
    private var backgroundNiceness: CInt { limit == nil ? 10 : 0 }

    @inline(__always)
    func wake(for ticket: Reservation.Ticket) {
        if ticket.wakesBackground { background.wake() }
        if ticket.wakesToucher { toucher.wake() }
    }

    /// Ends both threads, each after the step it is in.
    func stopThreads() {
        background.stop()
        toucher.stop()
    }

    // MARK: Conditions of every call

    /// Throws once the store is closed, and in a forked child.
    @inline(__always)
    package func checkReadable() throws(StoreError) {
        if forkGuard.isForkedChild { throw forkedChildError }
        if phase.load(ordering: .relaxed) == Phase.closed { throw closedError }
    }

    @inline(__always)
    func checkWritable() throws(StoreError) {
        if forkGuard.isForkedChild { throw forkedChildError }
        if isReadOnly {
            throw StoreError(.readOnly, path: directory, detail: "the store was opened read-only; open it for writing")
        }
        if phase.load(ordering: .relaxed) != Phase.open { throw closedError }
        if writesStopped.load(ordering: .relaxed) { throw writesStoppedError }
    }

    var closedError: StoreError {
        StoreError(.closed, path: directory, detail: "the store was closed; open it again")
    }

    var writesStoppedError: StoreError {
        StoreError(
            .writesStopped,
            path: directory,
            detail: "an earlier flush failed, so the disk may lack what was written; close the store and open it again"
        )
    }

    private var forkedChildError: StoreError {
        StoreError(
            .forkedChild,
            path: directory,
            detail: "the store belongs to the process that forked this one; open it here anew"
        )
    }
}
