/// The bytes of a pickle, taken from the front. Nothing is taken, or allocated, beyond what is there.
struct PickleInput {
    private let bytes: [UInt8]
    private(set) var offset = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    var isAtEnd: Bool { offset == bytes.count }

    /// An error of what begins so many bytes back.
    func error(_ cause: PickleError.Cause, back count: Int = 0) -> PickleError {
        PickleError(cause: cause, offset: offset - count)
    }

    mutating func byte() throws(PickleError) -> UInt8 {
        guard offset < bytes.count else { throw error(.truncated) }
        offset += 1
        return bytes[offset - 1]
    }

    /// A whole number of so many bytes, eight at most, little-endian.
    mutating func number(bytes count: Int) throws(PickleError) -> UInt64 {
        var number: UInt64 = 0
        for place in 0..<count { number |= UInt64(try byte()) << UInt64(8 * place) }
        return number
    }

    /// What a length before it says; the length takes so many bytes.
    mutating func counted(lengthBytes: Int) throws(PickleError) -> ArraySlice<UInt8> {
        let length = try number(bytes: lengthBytes)
        guard length <= UInt64(bytes.count - offset) else { throw error(.truncated) }
        offset += Int(length)
        return bytes[(offset - Int(length))..<offset]
    }

    mutating func text(lengthBytes: Int) throws(PickleError) -> String {
        let part = try counted(lengthBytes: lengthBytes)
        guard let text = String(validating: part, as: UTF8.self) else { throw error(.invalidText, back: part.count) }
        return text
    }

    /// The text up to the end of the line, which is taken too.
    mutating func line() throws(PickleError) -> String {
        guard let end = bytes[offset...].firstIndex(of: UInt8(ascii: "\n")) else { throw error(.truncated) }
        let part = bytes[offset..<end]
        guard let text = String(validating: part, as: UTF8.self) else { throw error(.invalidText) }
        offset = end + 1
        return text
    }

    /// A whole number in two's complement of any length; nil where it has more than 64 bits.
    mutating func long(lengthBytes: Int) throws(PickleError) -> Int? {
        let part = try counted(lengthBytes: lengthBytes)
        guard part.count <= 8 else { return nil }
        var number: UInt64 = part.last.map { $0 >= 0x80 } ?? false ? .max : 0
        for byte in part.reversed() { number = number << 8 | UInt64(byte) }
        return Int(bitPattern: UInt(number))
    }

    mutating func real() throws(PickleError) -> Double {
        Double(bitPattern: try number(bytes: 8).byteSwapped)
    }
}
