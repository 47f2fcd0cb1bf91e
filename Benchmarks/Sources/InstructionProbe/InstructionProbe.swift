import Foundation
import SegmentStore

/// Runs each operation of the store so often that its instructions can be counted: `instruction-probe DIRECTORY`.
///
/// It prints no times and nothing that varies. What is counted happens in functions with names of their own, by which it
/// is found in what callgrind writes.
@main
struct InstructionProbe {
    static func main() throws {
        guard CommandLine.arguments.count == 2 else {
            print("usage: instruction-probe DIRECTORY")
            exit(2)
        }
        let options = StoreOptions(durability: .never, compression: .none)
        let store = try SegmentStore(directory: CommandLine.arguments[1], options: options)
        let probe = Probe(store)
        try probe.load()
        // Once before counting, so that nothing is done for the first time.
        for _ in 0..<2 {
            guard measureGet(probe), measureLend(probe), measureMiss(probe), measureSet(probe) else {
                print("a wrong answer")
                exit(1)
            }
        }
        try store.close()
        print(Probe.operations)
    }
}

/// Entries of a kilobyte under keys of 32 bytes, as a summary under its digest.
final class Probe: Sendable {
    static let operations = 2_000
    private static let valueLength = 1_024

    private let store: SegmentStore
    private let keys: [[UInt8]]
    private let strangers: [[UInt8]]
    private let value: [UInt8]

    init(_ store: SegmentStore) {
        self.store = store
        keys = (0..<Self.operations).map { Array(String(format: "%032d", $0 * 7_919).utf8) }
        strangers = (0..<Self.operations).map { Array(String(format: "%031dx", $0 * 7_919).utf8) }
        value = (0..<Self.valueLength).map { UInt8(truncatingIfNeeded: $0 &* 31) }
    }

    func load() throws {
        let value = value
        for key in keys { try store.set(key.span.bytes, to: value.span.bytes) }
    }

    func get() -> Bool { keys.allSatisfy { (try? store.get($0.span.bytes))?.count == Self.valueLength } }

    func lend() -> Bool {
        keys.allSatisfy { (try? store.withValue($0.span.bytes) { $0.byteCount }) == Self.valueLength }
    }

    func miss() -> Bool { strangers.allSatisfy { (try? store.get($0.span.bytes)) == .some(nil) } }

    func set() -> Bool {
        let value = value
        return keys.allSatisfy { (try? store.set($0.span.bytes, to: value.span.bytes)) != nil }
    }
}

@inline(never)
private func measureGet(_ probe: Probe) -> Bool { probe.get() }

@inline(never)
private func measureLend(_ probe: Probe) -> Bool { probe.lend() }

@inline(never)
private func measureMiss(_ probe: Probe) -> Bool { probe.miss() }

@inline(never)
private func measureSet(_ probe: Probe) -> Bool { probe.set() }
