internal import FoundationEssentials

/// Which rows of the Hugging Face Hub are meant: `hf:owner/name`, or `hf:owner/name?config=de&split=test`.
///
/// Without a configuration it is the dataset's first, or the first that has the split; without a split it is `train`, or
/// the first where there is no `train`.
public struct HuggingFaceReference: Sendable, Hashable {
    /// What references begin with.
    public static let scheme = "hf:"

    /// The dataset, as `owner/name`, or as `name` alone for the few that have no owner.
    public let name: String
    /// Its configuration, which the Hub also calls a subset.
    public let config: String?
    /// Its split.
    public let split: String?

    /// A reference to a dataset; which configuration and split there are is found out when it is read.
    ///
    /// - Throws: `HuggingFaceError.invalidReference` for a name that no dataset can have.
    public init(name: String, config: String? = nil, split: String? = nil) throws(HuggingFaceError) {
        let parts = name.split(separator: "/", omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), parts.allSatisfy(Self.isNamePart) else {
            throw .invalidReference("\(name) can be no dataset's name")
        }
        self.name = name
        self.config = config
        self.split = split
    }

    /// The reference that a text is, scheme included; values are percent-encoded where they have to be, such as `#` as
    /// `%23`, and each is given once.
    ///
    /// - Throws: `HuggingFaceError.invalidReference`.
    public init(_ text: String) throws(HuggingFaceError) {
        guard text.hasPrefix(Self.scheme) else { throw .invalidReference("\(text) does not begin with hf:") }
        let parts = text.dropFirst(Self.scheme.count).split(
            separator: "?",
            maxSplits: 1,
            omittingEmptySubsequences: false
        )
        var values: [String: String] = [:]
        if parts.count == 2, let query = parts.last {
            // Behind a # would be no query any more.
            guard !query.utf8.contains(UInt8(ascii: "#")), let components = URLComponents(string: "?\(query)") else {
                throw .invalidReference("\(text) cannot be read: in values # is written %23, % is written %25")
            }
            for item in components.queryItems ?? [] {
                guard item.name == "config" || item.name == "split" else {
                    throw .invalidReference("\(item.name) in \(text) means nothing")
                }
                guard let value = item.value, !value.isEmpty else {
                    throw .invalidReference("\(item.name) in \(text) has no value")
                }
                guard values.updateValue(value, forKey: item.name) == nil else {
                    throw .invalidReference("\(text) has \(item.name) twice")
                }
            }
        }
        try self.init(name: String(parts.first ?? ""), config: values["config"], split: values["split"])
    }

    private static func isNamePart(_ part: Substring) -> Bool {
        let punctuation: Set<UInt8> = [UInt8(ascii: "-"), UInt8(ascii: "_"), UInt8(ascii: ".")]
        let isPlain = part.utf8.allSatisfy { byte in
            (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || punctuation.contains(byte)
                || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte | 0x20)
        }
        return isPlain && !part.isEmpty && part != "." && part != ".."
    }
}
