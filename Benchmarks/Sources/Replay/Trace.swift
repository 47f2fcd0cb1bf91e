/// Requests in their order, held in memory so that every cache is asked the same.
package struct Trace: Sendable {
    /// A key that is asked for, and the bytes of its value, should it have to be set.
    package struct Request: Sendable {
        package var object: UInt32
        package var size: UInt32
    }

    package let name: String
    package private(set) var requests: [Request] = []
    package private(set) var keys = KeyTable()
    /// Bytes of the values of all keys, each as it was first asked for.
    package private(set) var footprint = 0
    /// Bytes of the values of all requests.
    package private(set) var requestedBytes = 0
    /// The size that all requests have in common; nil: they differ.
    package private(set) var commonSize: Int?

    package var objectCount: Int { keys.count }

    package init(name: String) { self.name = name }

    /// Takes a key in that was not asked for before; its first request follows.
    mutating func addObject(key: some Collection<UInt8>) -> UInt32 { keys.append(key) }

    mutating func addRequest(_ object: UInt32, size: Int, isFirst: Bool) {
        if requests.isEmpty { commonSize = size }
        if commonSize != size { commonSize = nil }
        if isFirst { footprint += size }
        requestedBytes += size
        requests.append(Request(object: object, size: UInt32(size)))
    }
}

/// The keys of a trace by the numbers of their objects, one behind the other.
package struct KeyTable: Sendable {
    private var bytes: [UInt8] = []
    private var ends: [Int] = []

    package var count: Int { ends.count }
    /// Bytes of all keys.
    package var byteCount: Int { bytes.count }

    mutating func append(_ key: some Collection<UInt8>) -> UInt32 {
        bytes.append(contentsOf: key)
        ends.append(bytes.count)
        return UInt32(ends.count - 1)
    }

    func length(of object: Int) -> Int { ends[object] - start(of: object) }

    /// Lends the key's bytes.
    func withKey<Result>(
        of object: Int,
        _ body: (UnsafeRawBufferPointer) throws -> Result
    ) rethrows -> Result {
        try bytes.withUnsafeBytes { try body(UnsafeRawBufferPointer(rebasing: $0[start(of: object)..<ends[object]])) }
    }

    private func start(of object: Int) -> Int { object == 0 ? 0 : ends[object - 1] }
}
