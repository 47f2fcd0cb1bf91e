/// Reads a trace of lines `key,size`: the size in bytes stands behind the last comma, and all before it is the key.
///
/// The file may be packed by gzip or xz, and is read as it is unpacked. A first line that says just `key,size` is taken
/// for a heading; any other line that is not of that form ends the reading with its number.
package struct TraceFile {
    /// The longest key that a store takes.
    static let longestKey = 65_535
    /// The largest value that a store takes.
    static let largestSize = 1 << 30

    private let path: String

    package init(_ path: String) { self.path = path }

    package func read() throws -> Trace {
        let lines = LineReader(path: path, source: try openByteSource(path), longestLine: Self.longestKey + 64)
        var trace = Trace(name: path.split(separator: "/").last.map(String.init) ?? path)
        var objects: [ArraySlice<UInt8>: UInt32] = [:]
        try lines.forEachLine { bytes, number in
            guard let line = try parse(bytes, number) else { return }
            if let object = objects[line.key] {
                trace.addRequest(object, size: line.size, isFirst: false)
            } else {
                let object = trace.addObject(key: line.key)
                objects[line.key] = object
                trace.addRequest(object, size: line.size, isFirst: true)
            }
        }
        guard !trace.requests.isEmpty else { throw ReplayError("\(path): no requests; \(LineReader.form)") }
        return trace
    }

    private struct Line {
        var key: ArraySlice<UInt8>
        var size: Int
    }

    /// Nil for the heading.
    private func parse(_ bytes: UnsafeRawBufferPointer, _ number: Int) throws -> Line? {
        func malformed(_ what: String) -> ReplayError { ReplayError("\(path), line \(number): \(what)") }
        var line = Array(bytes)[...]
        if line.last == UInt8(ascii: "\r") { line.removeLast() }
        if number == 1 && line.elementsEqual("key,size".utf8) { return nil }
        guard let comma = line.lastIndex(of: UInt8(ascii: ",")) else {
            throw malformed("no comma; \(LineReader.form)")
        }
        let key = line[..<comma]
        guard !key.isEmpty else { throw malformed("an empty key; keys take 1 to 65,535 bytes") }
        guard key.count <= Self.longestKey else {
            throw malformed("a key of \(key.count) bytes; keys take 1 to 65,535 bytes")
        }
        let digits = line[(comma + 1)...].drop { $0 == UInt8(ascii: " ") }
        let text = String(decoding: digits, as: UTF8.self)
        // `Int` would take a sign.
        guard digits.first.map({ UInt8(ascii: "0")...UInt8(ascii: "9") ~= $0 }) == true, let size = Int(text) else {
            throw malformed("\"\(text)\" is no size; a size is a whole number of bytes")
        }
        guard size <= Self.largestSize else { throw malformed("a size of \(size) bytes; values take at most 1 GiB") }
        return Line(key: key, size: size)
    }
}
