/// LZ4's block format, decoded as its specification reads: github.com/lz4/lz4, doc/lz4_Block_format.md.
///
/// It takes every block that the library takes, and some that end in a way the library refuses. A distance of zero,
/// which the specification forbids, is zeros to the library, and must never be what lay in the memory before.
package enum ReferenceLZ4 {
    package struct Decoded {
        package var bytes: [UInt8]
        /// The block ends as the specification wants it, and has no distance of zero: the library must take it.
        package var isProper: Bool
    }

    package static func decoded(
        _ block: UnsafeRawBufferPointer,
        count: Int,
        behind dictionary: [UInt8] = []
    ) -> Decoded? {
        guard count <= block.count * 255 else { return nil }
        var output = dictionary
        output.reserveCapacity(dictionary.count + count)
        let end = dictionary.count + count
        var position = 0
        func next() -> Int? {
            guard position < block.count else { return nil }
            defer { position += 1 }
            return Int(block[position])
        }
        func length(_ start: Int) -> Int? {
            var length = start
            guard start == 15 else { return length }
            while true {
                guard let byte = next() else { return nil }
                length += byte
                if byte < 255 { return length }
            }
        }
        var isProper = true
        var lastMatch: (start: Int, end: Int)?
        while position < block.count {
            guard let token = next(), let literals = length(token >> 4), literals <= block.count - position,
                literals <= end - output.count
            else { return nil }
            output.append(contentsOf: block.part(position, literals))
            position += literals
            if position == block.count { break }
            guard let low = next(), let high = next(), let matched = length(token & 15) else { return nil }
            let distance = low | high << 8
            guard distance <= output.count, matched + 4 <= end - output.count else { return nil }
            if distance == 0 { isProper = false }
            lastMatch = (output.count, output.count + matched + 4)
            for _ in 0..<matched + 4 { output.append(distance == 0 ? 0 : output[output.count - distance]) }
        }
        guard output.count == end else { return nil }
        // The last match begins 12 bytes before the end or earlier, and 5 literals at least are the end.
        if let lastMatch, lastMatch.start > end - 12 || lastMatch.end > end - 5 { isProper = false }
        return Decoded(bytes: Array(output[dictionary.count...]), isProper: isProper)
    }
}
