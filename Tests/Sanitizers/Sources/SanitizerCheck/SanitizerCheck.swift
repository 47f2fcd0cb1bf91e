import Foundation
import Synchronization

/// Faults that a sanitizer must report, and one thing that it must not; `run` asks for each before it trusts a silence.
@main struct SanitizerCheck {
    static func main() {
        switch CommandLine.arguments.dropFirst().first {
        case "contended-mutex": contendForAMutex()
        case "race": race()
        case "overflow": overflow()
        default: exit(2)
        }
    }

    /// Four threads that take turns, mostly in the slow path, at what a Mutex guards.
    private static func contendForAMutex() {
        let shared = Shared()
        inThreads(4) {
            for _ in 0..<5_000 { shared.turn.withLock { _ in shared.add() } }
        }
        print(shared.count)
    }

    /// The same without the Mutex.
    private static func race() {
        let shared = Shared()
        inThreads(4) {
            for _ in 0..<5_000 { shared.add() }
        }
        print(shared.count)
    }

    /// A byte behind the end of a heap block, which is written as the engine writes into a segment.
    private static func overflow() {
        let length = CommandLine.arguments.count + 62
        let block = UnsafeMutableRawPointer.allocate(byteCount: length, alignment: 8)
        defer { block.deallocate() }
        for offset in 0...length { block.storeBytes(of: 1, toByteOffset: offset, as: UInt8.self) }
        print(block.load(as: UInt8.self))
    }

    private static func inThreads(_ count: Int, _ body: @escaping @Sendable () -> Void) {
        let done = DispatchSemaphore(value: 0)
        for _ in 0..<count {
            Thread.detachNewThread {
                body()
                done.signal()
            }
        }
        for _ in 0..<count { done.wait() }
    }
}

/// A counter in raw memory, as a segment's bytes are.
///
/// `@unchecked`: the memory is what the threads quarrel about.
private final class Shared: @unchecked Sendable {
    let turn = Mutex<Void>(())
    private let word = UnsafeMutableRawPointer.allocate(byteCount: 8, alignment: 8)

    init() { word.storeBytes(of: 0, as: Int.self) }

    deinit { word.deallocate() }

    var count: Int { word.load(as: Int.self) }
    func add() { word.storeBytes(of: word.load(as: Int.self) + 1, as: Int.self) }
}
