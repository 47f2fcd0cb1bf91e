public import Granary

/// What the cache keeps of an answer: what it says, what it cost, and what its key was made of.
///
///     {"granary_summary": 2, "content": {…}, "usage": {…}, "key": {…}, "conversation": […]}
public struct SummaryEnvelope: Sendable, Hashable {
    /// What the model says.
    public var content: SummaryContent
    /// What it cost when it was computed.
    public var usage: TokenUsage
    /// What the key was made of; nil where it is not known, as with answers brought over from another cache.
    public var components: KeyComponents?

    /// An envelope of the parts.
    public init(content: SummaryContent, usage: TokenUsage = TokenUsage(), components: KeyComponents? = nil) {
        self.content = content
        self.usage = usage
        self.components = components
    }

    private static let version = 2

    /// The value to store.
    public var value: CacheValue {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("granary_summary", Self.version)
        writer.member("content", content.json)
        writer.name("usage")
        usage.write(to: &writer)
        components?.write(to: &writer)
        writer.endObject()
        return CacheValue(writer.bytes, coding: .json)
    }

    /// The envelope in a stored value; nil for anything else.
    public init?(_ value: CacheValue) { self.init(value, withComponents: true) }

    /// Where nobody asks for the components, what stands behind content and usage is not even looked at.
    init?(_ value: CacheValue, withComponents: Bool) {
        guard value.coding == .json, let envelope = try? Self.read(value.bytes, withComponents: withComponents) else {
            return nil
        }
        self = envelope
    }

    private static func read(_ bytes: [UInt8], withComponents: Bool) throws(JSONError) -> SummaryEnvelope? {
        var reader = try JSONReader(bytes)
        var (version, content, usage): (JSONNumber?, SummaryContent?, TokenUsage?)
        var (key, conversation): (JSONValue?, JSONValue?)
        try reader.beginObject()
        while let name = try reader.nextMember() {
            switch name {
            case "granary_summary": version = try reader.readNumber()
            case "content": content = try SummaryContent(reading: &reader)
            case "usage": usage = TokenUsage(try reader.readValue())
            case "key" where withComponents: key = try reader.readValue()
            case "conversation" where withComponents: conversation = try reader.readValue()
            default: try reader.skipValue()
            }
            if !withComponents, version?.intValue == Self.version, let content, let usage {
                return SummaryEnvelope(content: content, usage: usage)
            }
        }
        try reader.finish()
        guard version?.intValue == Self.version, let content, let usage else { return nil }
        return SummaryEnvelope(
            content: content,
            usage: usage,
            components: KeyComponents(key: key, conversation: conversation)
        )
    }
}

extension ValueCodec where Value == SummaryEnvelope {
    /// Envelopes as a run needs them: what their keys were made of is left out when they are read.
    static var summaries: ValueCodec {
        ValueCodec(coding: .json) {
            $0.value.bytes
        } decode: {
            SummaryEnvelope(CacheValue($0, coding: .json), withComponents: false)
        }
    }

    /// Envelopes and contents without one, which is what imports leave.
    package static var imported: ValueCodec {
        ValueCodec(coding: .json) {
            $0.value.bytes
        } decode: { bytes in
            SummaryEnvelope(CacheValue(bytes, coding: .json), withComponents: false)
                ?? (try? JSONValue(json: bytes)).flatMap(SummaryContent.init).map { SummaryEnvelope(content: $0) }
        }
    }
}
