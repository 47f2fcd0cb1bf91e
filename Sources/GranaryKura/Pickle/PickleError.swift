/// Why a pickle was not read.
struct PickleError: Error, Equatable {
    enum Cause: Equatable {
        /// It ends in the middle.
        case truncated
        /// It is none, or breaks the format's own rules.
        case malformed
        /// A protocol other than 2 to 5.
        case unknownProtocol(UInt8)
        /// An operation that plain data does not need.
        case refusedOperation(UInt8)
        /// A class or function other than the few known ones; its name, shortened.
        case refusedName(String)
        /// A known name, used for something else than it is known for.
        case refusedUse
        /// More operations, or marks within marks, than any summary needs.
        case tooMuch
        /// A text that is not UTF-8, such as one with half a surrogate pair.
        case invalidText
    }

    var cause: Cause
    /// Where in the pickle, in bytes.
    var offset: Int

    /// Whether it is not damaged, but asks for something that is not done.
    var isRefusal: Bool {
        switch cause {
        case .unknownProtocol, .refusedOperation, .refusedName, .refusedUse: true
        case .truncated, .malformed, .tooMuch, .invalidText: false
        }
    }
}

extension PickleError: CustomStringConvertible {
    var description: String {
        let what =
            switch cause {
            case .truncated: "the pickle ends in the middle"
            case .malformed: "the pickle is malformed"
            case .unknownProtocol(let number): "pickle protocol \(number), and 2 to 5 are known"
            case .refusedOperation(let operation): "the pickle's operation 0x\(String(operation, radix: 16)) is refused"
            case .refusedName(let name): "the pickle names \(name), which is refused"
            case .refusedUse: "the pickle calls something in a way that is refused"
            case .tooMuch: "the pickle has more in it than a summary can have"
            case .invalidText: "the pickle has a text that is no Unicode"
            }
        return "\(what), at byte \(offset)"
    }
}
