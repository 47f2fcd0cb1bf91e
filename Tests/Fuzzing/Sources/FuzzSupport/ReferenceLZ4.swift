/// LZ4's block format, decoded as its specification reads: github.com/lz4/lz4, doc/lz4_Block_format.md.
///
/// It takes every block that the library takes, and some that end in a way the library refuses. A distance of zero,
/// which the specification forbids, is zeros to the library, and must never be what lay in the memory before.
package enum ReferenceLZ4 {
    package static func decoded(
        _ block: UnsafeRawBufferPointer,
        count: Int,
        behind dictionary: [UInt8] = []
    ) -> [UInt8]? {
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
            for _ in 0..<matched + 4 { output.append(distance == 0 ? 0 : output[output.count - distance]) }
        }
        return output.count == end ? Array(output[dictionary.count...]) : nil
    }
}
