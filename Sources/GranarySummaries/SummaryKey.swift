internal import Crypto

/// The cache key of a summary: a digest of everything that affects the answer, and of nothing else.
///
/// Recipe 1: SHA-256 over these fields, each as its length in 8 bytes, big-endian, and its bytes; an absent time is the
/// length 2⁶⁴−1 and no bytes.
///
///     "granary summary", recipe number, model name, model fingerprint, number of messages,
///     then of every message: role, content, time
///
/// Numbers are written in decimal. The key's text is `summary/1/` and the digest in hexadecimal. `chat_id`, metadata
/// and the conversation's own time are left out: equal conversations share an answer.
public enum SummaryKey {
    /// The number of the recipe; another recipe never reads this one's entries.
    public static let recipe = 1

    /// The key of the model's summary of the conversation.
    public static func key(for conversation: Conversation, model: any SummaryModel) -> String {
        var digest = SHA256()
        add("granary summary", to: &digest)
        add(String(recipe), to: &digest)
        add(model.name, to: &digest)
        add(model.fingerprint, to: &digest)
        add(String(conversation.messages.count), to: &digest)
        for message in conversation.messages {
            add(message.role, to: &digest)
            add(message.content, to: &digest)
            add(message.createdAt, to: &digest)
        }
        var key = Array("summary/\(recipe)/".utf8)
        let digits = Array("0123456789abcdef".utf8)
        for byte in digest.finalize() {
            key.append(digits[Int(byte >> 4)])
            key.append(digits[Int(byte & 15)])
        }
        return String(decoding: key, as: UTF8.self)
    }

    private static func add(_ field: String?, to digest: inout SHA256) {
        guard var field else {
            add(length: .max, to: &digest)
            return
        }
        field.withUTF8 { bytes in
            add(length: UInt64(bytes.count), to: &digest)
            digest.update(bufferPointer: UnsafeRawBufferPointer(bytes))
        }
    }

    private static func add(length: UInt64, to digest: inout SHA256) {
        withUnsafeBytes(of: length.bigEndian) { digest.update(bufferPointer: $0) }
    }
}
