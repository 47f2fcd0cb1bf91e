/// One reply of a Redis server, as RESP3 types it.
///
/// Specification: <https://github.com/redis/redis-specifications/blob/master/protocol/RESP3.md>
enum RESPValue: Sendable {
    /// `_`, and the two nulls of RESP2, `$-1` and `*-1`.
    case null
    /// `:`
    case integer(Int64)
    /// `,`
    case double(Double)
    /// `#`
    case boolean(Bool)
    /// `(`, its digits as they came, behind a sign if there was one.
    case bigNumber([UInt8])
    /// `$`
    case bytes([UInt8])
    /// `+`
    case text([UInt8])
    /// `-` and `!`
    case error([UInt8])
    /// `=`: three letters that say what it is, a colon, and the text.
    case verbatim([UInt8])
    /// `*`
    case array([RESPValue])
    /// `~`
    case set([RESPValue])
    /// `%`, keys and values by turns.
    case map([RESPValue])
    /// `>`, which answers nothing that was asked.
    case push([RESPValue])
}

/// What makes bytes no RESP3; whoever sent them means another protocol, or is damaged.
enum RESPError: Error, Hashable, Sendable {
    /// A line is longer than 64 KiB.
    case lineTooLong
    /// A line ends in no `\r\n`, or has a `\r` or `\n` inside.
    case malformedLine
    /// No type begins with the byte.
    case unknownType(UInt8)
    /// A number, length, double, boolean or null is not spelt like one.
    case malformedScalar
    /// A string of bytes is longer than 512 MiB, or an aggregate has more than 1,048,576 elements: more than Redis has.
    case tooLarge
    /// A string of bytes does not end in `\r\n`, or a verbatim one has no format.
    case malformedBytes
    /// Aggregates lie more than 16 deep in each other.
    case tooDeep
    /// A part of unknown length is announced, which no server sends to who does not ask for it.
    case streamed
    /// A push lies inside another reply.
    case misplacedPush
}
