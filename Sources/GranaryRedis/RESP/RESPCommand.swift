/// Commands as a Redis server reads them, arrays of strings of bytes, one behind the other.
///
/// Specification: <https://github.com/redis/redis-specifications/blob/master/protocol/RESP3.md>
struct RESPCommand: Sendable {
    /// The bytes to send.
    private(set) var bytes: [UInt8] = []
    /// How many replies they call for.
    private(set) var replyCount = 0

    /// No command yet.
    init() {}

    /// One command.
    init(_ name: String, _ arguments: [[UInt8]] = []) {
        append(name, arguments)
    }

    /// One command with arguments of text.
    init(_ name: String, _ arguments: String...) {
        append(name, arguments.map { Array($0.utf8) })
    }

    /// One command whose arguments all begin with the same bytes.
    init(_ name: String, prefix: [UInt8], _ arguments: some Collection<String>) {
        bytes.reserveCapacity(
            arguments.reduce(32 + name.utf8.count) { $0 + prefix.count + $1.utf8.count + Self.argumentFrame }
        )
        append(UInt8(ascii: "*"), number: arguments.count + 1)
        append(argument: name.utf8)
        for argument in arguments {
            append(UInt8(ascii: "$"), number: prefix.count + argument.utf8.count)
            bytes += prefix
            bytes += argument.utf8
            appendLineEnd()
        }
        replyCount = 1
    }

    /// Room for an argument's length and line ends.
    private static let argumentFrame = 16

    /// Another command behind those that there are.
    mutating func append(_ name: String, _ arguments: [[UInt8]]) {
        // With room for the numbers and line ends.
        let needed = bytes.count + arguments.reduce(32 + name.utf8.count) { $0 + $1.count + Self.argumentFrame }
        if needed > bytes.capacity { bytes.reserveCapacity(max(needed, 2 * bytes.capacity)) }
        append(UInt8(ascii: "*"), number: arguments.count + 1)
        append(argument: name.utf8)
        for argument in arguments { append(argument: argument) }
        replyCount += 1
    }

    private mutating func append(argument: some Collection<UInt8>) {
        append(UInt8(ascii: "$"), number: argument.count)
        bytes += argument
        appendLineEnd()
    }

    private mutating func append(_ type: UInt8, number: Int) {
        bytes.append(type)
        // Digit by digit: a string of them would cost as much as all the rest of a small command.
        var power = 1
        while number / power >= 10 { power *= 10 }
        while power > 0 {
            bytes.append(UInt8(ascii: "0") + UInt8(number / power % 10))
            power /= 10
        }
        appendLineEnd()
    }

    private mutating func appendLineEnd() {
        bytes.append(.carriageReturn)
        bytes.append(.newline)
    }
}
