import Foundation

/// What went wrong in a run, with what is needed to see it again.
struct PowerCutFailure: Error, CustomStringConvertible {
    var description: String
}

/// What each key may hold after a cut: everything since the last state that was forced.
struct PowerCutModel {
    /// A value, or none, which a clear may have left.
    struct State {
        var value: Int?
        var clear: Int?
    }

    private struct History {
        var states = [State()]
        /// The last state that a cut may not undo.
        var forced = 0
        /// The last state that a death may not undo: its call has returned.
        var returned = 0

        mutating func markReturned() { returned = states.count - 1 }
        mutating func markForced() { forced = returned }
    }

    /// Entries may leave for want of room at any time.
    private let mayLose: Bool
    private var histories: [[UInt8]: History] = [:]
    private var clears = 0
    var keys: [[UInt8]] { histories.keys.sorted { $0.lexicographicallyPrecedes($1) } }

    init(keys: [[UInt8]], mayLose: Bool) {
        self.mayLose = mayLose
        for key in keys { histories[key] = History() }
    }

    /// What the running store must say.
    func current(_ key: [UInt8]) -> Int? { histories[key]?.states.last?.value }

    /// True if the running store may say that.
    func allows(_ value: Int?, for key: [UInt8]) -> Bool { value == current(key) || (mayLose && value == nil) }

    // MARK: Calls

    /// A call that gives the key this value, or none, has begun.
    mutating func begin(_ key: [UInt8], _ value: Int?) { histories[key]?.states.append(State(value: value)) }

    mutating func beginClear() {
        clears += 1
        for key in histories.keys { histories[key]?.states.append(State(clear: clears)) }
    }

    /// The calls that have begun have returned.
    mutating func endCall() {
        for key in histories.keys { histories[key]?.markReturned() }
    }

    /// All that has returned is on the disk.
    mutating func force() {
        for key in histories.keys { histories[key]?.markForced() }
    }

    // MARK: Opening again

    /// Compares what a reopened store holds with what it may hold, and goes on from there.
    mutating func meet(_ found: [[UInt8]: Int], afterCut: Bool) throws {
        for key in keys {
            guard let history = histories[key] else { continue }
            let first = afterCut ? history.forced : history.returned
            let allowed = history.states[first...].map(\.value)
            if !allowed.contains(found[key]) && !hasLeft(key, found) {
                throw PowerCutFailure(
                    description: "key \(describe(key)) holds \(describe(found[key])); "
                        + "it may hold \(allowed.map(describe).joined(separator: ", "))"
                )
            }
        }
        try meetClears(found, afterCut: afterCut)
        for key in histories.keys {
            guard var history = histories[key] else { continue }
            let value = State(value: found[key])
            if afterCut {
                history = History(states: [value])
            } else if let kept = history.states[history.returned...].lastIndex(where: { $0.value == found[key] }) {
                // What never took effect will not come later.
                history.states.removeSubrange((kept + 1)...)
                history.returned = kept
            } else {
                // It left, which a cut may undo.
                history.states.append(value)
                history.markReturned()
            }
            histories[key] = history
        }
    }

    private func hasLeft(_ key: [UInt8], _ found: [[UInt8]: Int]) -> Bool { mayLose && found[key] == nil }

    /// One record clears: either all keys were cleared, or none.
    private func meetClears(_ found: [[UInt8]: Int], afterCut: Bool) throws {
        guard clears > 0 else { return }
        for clear in Set(histories.values.flatMap { $0.states.compactMap(\.clear) }).sorted() {
            var witnesses: (done: [UInt8]?, undone: [UInt8]?) = (nil, nil)
            for key in keys where !hasLeft(key, found) {
                guard let history = histories[key] else { continue }
                let first = afterCut ? history.forced : history.returned
                guard let index = history.states.firstIndex(where: { $0.clear == clear }) else { continue }
                let matching = history.states.indices.filter {
                    $0 >= first && history.states[$0].value == found[key]
                }
                let mayBeDone = first > index || matching.contains { $0 >= index }
                let mayBeUndone = first <= index && matching.contains { history.states[$0].clear != clear }
                if !mayBeUndone { witnesses.done = key }
                if !mayBeDone { witnesses.undone = key }
            }
            if let done = witnesses.done, let undone = witnesses.undone {
                throw PowerCutFailure(
                    description:
                        "a clear took \(describe(done)) and left \(describe(undone)): \(describe(found[undone]))"
                )
            }
        }
    }

    private func describe(_ key: [UInt8]) -> String { String(decoding: key.prefix(20), as: UTF8.self) }
    private func describe(_ value: Int?) -> String { value.map { "value \($0)" } ?? "nothing" }
}

/// Values that are told apart in every sector, and made again from their number and size.
enum PowerCutValue {
    private static let noise: [UInt8] = {
        var generator = SeededGenerator(seed: 4)
        return (0..<1 << 18).flatMap { _ in withUnsafeBytes(of: generator.next()) { Array($0) } }
    }()

    static func bytes(_ number: Int, size: Int) -> [UInt8] {
        let size = max(16, size)
        // Every fourth compresses well.
        var bytes: [UInt8]
        if number % 4 == 0 {
            bytes = [UInt8](repeating: UInt8(truncatingIfNeeded: number), count: size)
        } else {
            let start = number &* 7_919 % (noise.count - size)
            bytes = Array(noise[start..<start + size])
        }
        bytes.withUnsafeMutableBytes { bytes in
            bytes.storeBytes(of: number, as: Int.self)
            bytes.storeBytes(of: size, toByteOffset: 8, as: Int.self)
        }
        return bytes
    }

    /// The number of the value, if all its bytes are there and no others.
    static func number(of bytes: [UInt8]) -> Int? {
        guard bytes.count >= 16 else { return nil }
        let (number, size) = bytes.withUnsafeBytes { ($0.load(as: Int.self), $0.load(fromByteOffset: 8, as: Int.self)) }
        guard size == bytes.count, number >= 0, size < noise.count else { return nil }
        let same = Self.bytes(number, size: size)
        return memcmp(same, bytes, size) == 0 ? number : nil
    }
}
