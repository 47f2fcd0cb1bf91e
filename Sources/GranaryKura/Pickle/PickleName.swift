/// The classes and functions that a pickle may name. They are names: nothing is looked up, and nothing is called.
enum PickleName: Equatable {
    /// A class of Kura that holds a summary.
    case summary
    /// `datetime.date`, `datetime.datetime` or `datetime.time`: made of a few bytes, and perhaps a time zone.
    case moment
    /// `datetime.timedelta`: made of whole numbers.
    case timeSpan
    /// `datetime.timezone`: made of a time span, and perhaps a name.
    case timeZone
    /// Pydantic's time zone: made of whole numbers.
    case pydanticTimeZone
    /// `set` or `frozenset`, which protocols 2 and 3 have no operation for: made of a list.
    case set
    /// `bytes`, as protocol 2 writes empty ones.
    case bytes
    /// `_codecs.encode`, as protocol 2 writes other bytes: of a text and "latin1".
    case encode

    init?(module: String, name: String) {
        guard module.utf8.count <= Self.lengthLimit, name.utf8.count <= Self.lengthLimit,
            let known = Self.known[Array("\(module) \(name)".utf8)]
        else { return nil }
        self = known
    }

    private static let lengthLimit = 64

    /// By bytes, because Swift calls some texts equal that differ.
    private static let known: [[UInt8]: PickleName] = {
        let names: [(String, PickleName)] = [
            ("kura.types.summarisation ConversationSummary", .summary),
            ("kura.types.summarisation GeneratedSummary", .summary),
            ("datetime date", .moment),
            ("datetime datetime", .moment),
            ("datetime time", .moment),
            ("datetime timedelta", .timeSpan),
            ("datetime timezone", .timeZone),
            ("pydantic_core._pydantic_core TzInfo", .pydanticTimeZone),
            ("__builtin__ set", .set),
            ("builtins set", .set),
            ("__builtin__ frozenset", .set),
            ("builtins frozenset", .set),
            ("__builtin__ bytes", .bytes),
            ("builtins bytes", .bytes),
            ("_codecs encode", .encode),
        ]
        return Dictionary(uniqueKeysWithValues: names.map { (Array($0.utf8), $1) })
    }()
}
