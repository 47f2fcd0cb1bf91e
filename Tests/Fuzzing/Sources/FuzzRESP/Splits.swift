import FuzzSupport

@testable import RESP

/// Parses the same bytes in pieces of several sizes.
///
///     0   where they are split (2)
///     2   the bytes
enum Splits {
    /// What came of a run: the replies, written down, and the error behind them.
    private struct Outcome {
        var replies: [UInt8] = []
        var error: RESPError?
    }

    static func compare(_ input: FuzzInput) {
        var input = input
        var random = UInt32(input.word()) | 1 << 16
        let bytes = input.rest
        Allocations.reset()
        let whole = parse(bytes, writesDown: false) { $0 }
        // An element of three bytes takes sixteen in an array that doubles.
        let allowed = 4_096 + 16 * bytes.count
        check(Allocations.largest <= allowed, "\(Allocations.largest) bytes allocated for \(bytes.count)")

        let expected = parse(bytes) { $0 }
        check(whole.error == expected.error, "another error at the second time")
        same(expected, parse(bytes) { _ in 1 }, "byte by byte")
        let pieces = parse(bytes) { left in
            // xorshift (Marsaglia, "Xorshift RNGs", 2003); mostly short pieces.
            random ^= random << 13
            random ^= random >> 17
            random ^= random << 5
            return min(left, 1 + Int(random >> 8) % (random & 3 == 0 ? 600 : 9))
        }
        same(expected, pieces, "in pieces")

        let again = expected.replies.withUnsafeBytes { parse($0) { $0 } }
        check(again.error == nil, "what was written down is refused: \(String(describing: again.error))")
        check(areEqual(again.replies, expected.replies), "what was written down reads differently")
    }

    private static func same(_ expected: Outcome, _ found: Outcome, _ how: String) {
        check(areEqual(expected.replies, found.replies), "other replies \(how)")
        check(
            expected.error == found.error,
            "\(String(describing: found.error)) \(how), not \(String(describing: expected.error))"
        )
    }

    /// Feeds pieces of the sizes that the closure gives for what is left.
    private static func parse(
        _ bytes: UnsafeRawBufferPointer,
        writesDown: Bool = true,
        piece size: (Int) -> Int
    ) -> Outcome {
        var outcome = Outcome()
        var parser = RESPParser()
        let bytes = Span<UInt8>(_unsafeElements: bytes.bindMemory(to: UInt8.self))
        var position = 0
        while position < bytes.count {
            let count = size(bytes.count - position)
            let piece = bytes.extracting(position..<position + count)
            var replies: [RESPValue] = []
            do {
                defer { if writesDown { for reply in replies { Replies.write(reply, to: &outcome.replies) } } }
                try parser.parse(piece, into: &replies)
            } catch {
                outcome.error = error
                check(isRefused(piece, by: &parser, error), "something was read behind an error")
                return outcome
            }
            position += count
        }
        return outcome
    }

    private static func isRefused(_ bytes: Span<UInt8>, by parser: inout RESPParser, _ error: RESPError) -> Bool {
        var replies: [RESPValue] = []
        do {
            try parser.parse(bytes, into: &replies)
            return false
        } catch let second {
            return replies.isEmpty && second == error
        }
    }
}
