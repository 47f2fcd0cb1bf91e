internal import GranarySummaries

/// What a pickle is not, when it is no summary of Kura's.
struct NotASummary: Error, Equatable {
    /// The field that is missing or of another kind; nil: all of it.
    var field: String?
}

extension NotASummary: CustomStringConvertible {
    var description: String {
        field.map { "its \"\($0)\" is missing or no such thing" } ?? "the pickle holds something else than a summary"
    }
}

/// Finds the content of a summary among the values of its pickle.
///
/// The conversation's id and metadata, which Kura stores along, are left behind: they are whoever's the answer was
/// computed for, and the content is for everybody who asks the same.
struct PickledSummary {
    private let values: PickleValues
    private let fields: PickleReference
    /// What the texts of the content may still come to. A pickle may refer to one text many times over, as Pydantic's do
    /// to short ones; that must not multiply it without end.
    private var bytesLeft: Int

    /// Bytes of text for each byte of the pickle, at most.
    private static let expansionLimit = 16

    /// The content of the pickle.
    ///
    /// - Throws: `PickleError` or `NotASummary`.
    static func content(of bytes: [UInt8]) throws -> SummaryContent {
        let (values, root) = try PickleMachine.read(bytes)
        // Where Pydantic keeps the fields of an object.
        guard case .summary(state: let state?) = values[root], let fields = values.member("__dict__", of: state) else {
            throw NotASummary()
        }
        var summary = PickledSummary(values: values, fields: fields, bytesLeft: bytes.count * expansionLimit)
        return try summary.content()
    }

    private mutating func content() throws(NotASummary) -> SummaryContent {
        guard let summary = try text("summary") else { throw NotASummary(field: "summary") }
        return SummaryContent(
            summary: summary,
            request: try text("request"),
            topic: try text("topic"),
            languages: try texts("languages"),
            task: try text("task"),
            concerningScore: try score("concerning_score"),
            userFrustration: try score("user_frustration"),
            assistantErrors: try texts("assistant_errors")
        )
    }

    /// What a field holds; nil if it is missing or `None`.
    private func value(_ field: String) -> PickleValue? {
        guard let reference = values.member(field, of: fields), values[reference] != .null else { return nil }
        return values[reference]
    }

    private mutating func text(_ field: String) throws(NotASummary) -> String? {
        guard let value = value(field) else { return nil }
        return try text(value, of: field)
    }

    private mutating func texts(_ field: String) throws(NotASummary) -> [String]? {
        guard let value = value(field) else { return nil }
        guard case .list(let references) = value else { throw NotASummary(field: field) }
        var texts: [String] = []
        for reference in references { texts.append(try text(values[reference], of: field)) }
        return texts
    }

    private mutating func text(_ value: PickleValue, of field: String) throws(NotASummary) -> String {
        guard case .text(let text) = value else { throw NotASummary(field: field) }
        bytesLeft -= text.utf8.count
        guard bytesLeft >= 0 else { throw NotASummary(field: field) }
        return text
    }

    private func score(_ field: String) throws(NotASummary) -> Int? {
        guard let value = value(field) else { return nil }
        guard case .integer(let score) = value, (1...5).contains(score) else { throw NotASummary(field: field) }
        return score
    }
}
