import Glibc

/// Lines of a source, none of which is held longer than it takes to look at it.
struct LineReader {
    let path: String
    let source: any ByteSource
    /// A longer line is none of a trace, and its file perhaps no text at all.
    let longestLine: Int

    static let form = "a line is a key, a comma, a size"

    /// Calls the body with each line, without its end, and its number from 1 on.
    func forEachLine(_ body: (UnsafeRawBufferPointer, Int) throws -> Void) throws {
        let buffer = UnsafeMutableRawBufferPointer.allocate(byteCount: 256 << 10, alignment: 16)
        defer { buffer.deallocate() }
        // The beginning of a line whose end has not been read.
        var pending: [UInt8] = []
        var number = 1
        while true {
            let count = try source.read(into: buffer)
            if count == 0 { break }
            var rest = UnsafeRawBufferPointer(rebasing: buffer[..<count])
            while let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                let line = UnsafeRawBufferPointer(rebasing: rest[..<end])
                if pending.isEmpty {
                    try check(line.count, number)
                    try body(line, number)
                } else {
                    pending += line
                    try check(pending.count, number)
                    try pending.withUnsafeBytes { try body($0, number) }
                    pending.removeAll(keepingCapacity: true)
                }
                number += 1
                rest = UnsafeRawBufferPointer(rebasing: rest[(end + 1)...])
            }
            pending += rest
            try check(pending.count, number)
        }
        if !pending.isEmpty { try pending.withUnsafeBytes { try body($0, number) } }
    }

    private func check(_ length: Int, _ number: Int) throws {
        guard length <= longestLine else {
            throw ReplayError("\(path), line \(number): it has more than \(longestLine) bytes; \(Self.form)")
        }
    }
}
