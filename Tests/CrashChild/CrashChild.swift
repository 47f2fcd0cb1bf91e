import Glibc
import SegmentStore

/// Four threads set and remove keys of their own; each operation leaves through standard output before the thread's
/// next one begins: first an intent, then, once the store has returned, an acknowledgement.
///
///     line: I|A  thread  number  set|remove  key  length
///
/// The value follows from seed, key, number and length, so that the parent can tell every byte.
enum CrashChild {
    static let threadCount = 4

    static func run(_ arguments: [String]) -> CInt {
        guard arguments.count >= 3, let seed = UInt64(arguments[1]), let generation = Int(arguments[2]) else {
            return 64
        }
        let sizeLimit = arguments.count > 3 ? Int(arguments[3]) : nil
        var options = StoreOptions(durability: generation % 3 == 0 ? .interval(.milliseconds(20)) : .never)
        if generation % 7 == 6 { options.durability = .everySet }
        options.sizeLimit = sizeLimit
        guard let store = try? SegmentStore(directory: arguments[0], options: options) else { return 1 }
        ChildRole.say("R \(store.recoveryReport.tornRecords) \(store.recoveryReport.damagedRecords)")
        var threads: [pthread_t] = []
        for thread in 0..<threadCount {
            let work = Work(
                store: store,
                thread: thread,
                seed: seed,
                longest: min(262_144, sizeLimit.map { $0 / 10 } ?? .max)
            )
            threads.append(ChildRole.startThread { change(work) })
        }
        for thread in threads { pthread_join(thread, nil) }
        return 0
    }

    final class Work: Sendable {
        let store: SegmentStore
        let thread: Int
        let seed: UInt64
        /// Bytes of a value at most.
        let longest: Int

        init(store: SegmentStore, thread: Int, seed: UInt64, longest: Int) {
            self.store = store
            self.thread = thread
            self.seed = seed
            self.longest = longest
        }
    }
}

private func change(_ work: CrashChild.Work) {
    var state = work.seed &+ UInt64(work.thread) &* 0x9E37_79B9_7F4A_7C15
    func random() -> UInt64 {
        state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
        return state >> 33
    }
    for number in 0..<1_000_000 {
        let key = "t\(work.thread)-\(random() % 60)"
        let stamp = "\(work.thread) \(number)"
        if random() % 5 == 0 {
            ChildRole.say("I \(stamp) remove \(key) 0")
            do { try work.store.remove(key) } catch { exit(3) }
            ChildRole.say("A \(stamp) remove \(key) 0")
            // What is read is worth keeping, and makes work for reclamation.
            _ = try? work.store.get("t\(work.thread)-\(random() % 10)")
        } else {
            let length = min(work.longest, length(random(), random()))
            let value = CrashValue.bytes(key: key, number: number, seed: work.seed, length: length)
            ChildRole.say("I \(stamp) set \(key) \(length)")
            do { try work.store.set(key, to: value) } catch { exit(3) }
            ChildRole.say("A \(stamp) set \(key) \(length)")
        }
    }
}

/// Mostly small, now and then up to 256 KiB.
private func length(_ first: UInt64, _ second: UInt64) -> Int {
    switch first % 10 {
    case 0: 0
    case 1...6: Int(second % 2_000)
    case 7, 8: Int(second % 40_000)
    default: Int(second % 262_145)
    }
}
