internal import Crypto
public import GranarySummaries

/// The key under which Kura 0.5 caches a summary, byte for byte.
///
/// It is the MD5, in hexadecimal, of what Python's `repr` makes of this tuple:
///
///     (((role, content), …), name of the response schema, MD5 of the prompt, temperature, model)
///
/// Nothing else is in it: neither the endpoint, nor the schema's fields, nor the messages' times. That is why such a key
/// is asked for only where a caller says so.
public enum KuraKey {
    /// The name of Kura's own response schema.
    public static let usualSchema = "GeneratedSummary"

    /// The MD5 of the default prompt of Kura 0.5.
    public static let usualPromptMD5 = "73ea4003f5d3677e1932b5fe1475d356"

    /// The key of the conversation's summary.
    ///
    /// - Parameters:
    ///   - conversation: Of its messages, roles and contents count.
    ///   - schema: The name of the Python class that the answer was asked in.
    ///   - promptMD5: What `md5(of:)` gives for the prompt.
    ///   - temperature: As it was given.
    ///   - model: The model's name as Kura was given it, such as `openai/gpt-4o-mini`.
    ///   - unicodeVersion: That of the Python that Kura ran on.
    public static func key(
        for conversation: Conversation,
        schema: String = usualSchema,
        promptMD5: String = usualPromptMD5,
        temperature: KuraTemperature,
        model: String,
        unicodeVersion: UnicodeVersion = .python3_11
    ) -> String {
        var repr = PythonRepr(unicodeVersion: unicodeVersion)
        repr.tuple(count: 5) { repr, place in
            switch place {
            case 0: add(conversation.messages, to: &repr)
            case 1: repr.text(schema)
            case 2: repr.text(promptMD5)
            case 3: add(temperature, to: &repr)
            default: repr.text(model)
            }
        }
        return md5(of: repr.bytes)
    }

    /// The MD5 of a prompt's UTF-8, in hexadecimal.
    public static func md5(of prompt: String) -> String { md5(of: Array(prompt.utf8)) }

    private static func add(_ messages: [Message], to repr: inout PythonRepr) {
        repr.tuple(count: messages.count) { repr, number in
            repr.tuple(count: 2) { repr, place in
                repr.text(place == 0 ? messages[number].role : messages[number].content)
            }
        }
    }

    private static func add(_ temperature: KuraTemperature, to repr: inout PythonRepr) {
        switch temperature {
        case .integer(let number): repr.integer(number)
        case .real(let number): repr.real(number)
        case .unset: repr.none()
        }
    }

    private static func md5(of bytes: [UInt8]) -> String {
        let digits = Array("0123456789abcdef".utf8)
        var text: [UInt8] = []
        for byte in Insecure.MD5.hash(data: bytes) {
            text.append(digits[Int(byte >> 4)])
            text.append(digits[Int(byte & 15)])
        }
        return String(decoding: text, as: UTF8.self)
    }
}
