@testable import GranaryKura

/// Writes pickles, sound and otherwise.
struct PickleWriter {
    private(set) var bytes: [UInt8] = [0x80, 4]

    func op(_ operations: PickleOperation...) -> PickleWriter { raw(operations.map(\.rawValue)) }

    func raw(_ part: [UInt8]) -> PickleWriter {
        var writer = self
        writer.bytes += part
        return writer
    }

    func text(_ text: String) -> PickleWriter {
        let text = Array(text.utf8)
        return op(.text4).raw(Self.number(text.count, bytes: 4)).raw(text)
    }

    func name(_ module: String, _ name: String) -> PickleWriter {
        op(.global).raw(Array("\(module)\n\(name)\n".utf8))
    }

    /// A few of Python's literals.
    func python(_ literal: String) -> PickleWriter {
        switch literal {
        case "None": op(.null)
        case "True": op(.newTrue)
        case "[1]": op(.emptyList, .integer1).raw([1]).op(.append)
        case "('a',)": text("a").op(.tuple1)
        case "2.0": op(.real).raw([0x40, 0, 0, 0, 0, 0, 0, 0])
        default:
            if let number = UInt8(literal) { op(.integer1).raw([number]) } else { text(literal) }
        }
    }

    func stop() -> [UInt8] { op(.stop).bytes }

    static func number(_ number: Int, bytes count: Int) -> [UInt8] {
        (0..<count).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
    }

    /// A summary with some fields; `summary` comes first.
    static func summary(_ fields: (PickleWriter) -> PickleWriter = { $0 }) -> [UInt8] {
        let head = PickleWriter().name("kura.types.summarisation", "ConversationSummary").op(.emptyTuple, .newObject)
            .op(.emptyDictionary).text("__dict__").op(.emptyDictionary, .mark).text("summary").text("A summary.")
        return fields(head).op(.setItems, .setItem, .build).stop()
    }
}
