/// The fuzzer's bytes, taken from the front; zeros once they are used up.
package struct FuzzInput {
    package private(set) var rest: UnsafeRawBufferPointer

    package init(_ bytes: UnsafePointer<UInt8>?, _ count: Int) {
        rest = UnsafeRawBufferPointer(start: bytes, count: bytes == nil ? 0 : count)
    }

    private init(_ bytes: UnsafeRawBufferPointer) { rest = bytes }

    package mutating func byte() -> UInt8 {
        guard let first = rest.first else { return 0 }
        rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst())
        return first
    }

    package mutating func word() -> UInt16 { UInt16(byte()) | UInt16(byte()) << 8 }

    /// The next bytes, or as many as there are.
    package mutating func take(_ count: Int) -> UnsafeRawBufferPointer {
        let taken = UnsafeRawBufferPointer(rebasing: rest.prefix(max(0, count)))
        rest = UnsafeRawBufferPointer(rebasing: rest.dropFirst(taken.count))
        return taken
    }

    /// The next bytes as an input of their own.
    package mutating func split(_ count: Int) -> FuzzInput { FuzzInput(take(count)) }
}
