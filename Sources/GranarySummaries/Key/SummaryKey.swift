internal import Crypto

/// The cache key of a summary: a digest of everything that affects the answer, and of nothing else.
///
/// Recipe 2: SHA-256 over these fields, each as its length in 8 bytes, big-endian, and its bytes; an absent one is the
/// length 2⁶⁴−1 and no bytes; numbers are decimal.
///
///     "granary summary", "2", namespace, kind of endpoint, base URL, model,
///     number of messages, then of each: role, content,
///     schema with its name as canonical JSON, output mode, other request fields as canonical JSON,
///     sample index, extra
///
/// The key's text is the namespace, `/`, the first 8 hexadecimal digits of the SHA-256 of the prompt's template, `/`, and
/// the digest. `chat_id` and metadata are in it only if the prompt renders them.
public struct SummaryKey: Sendable, Hashable {
    /// The number of the recipe; entries of another recipe are never found.
    public static let recipe = 2

    /// What tells keys of equal requests apart.
    public struct Options: Sendable, Hashable {
        /// The first part of every key; keys of two namespaces never meet.
        public var namespace: String
        /// Which of several answers to the same request.
        public var sample: Int
        /// Anything else that the caller wants to tell answers apart by.
        public var extra: String?

        /// The namespace `summary`, the sample 0 and no extra unless given.
        public init(namespace: String = "summary", sample: Int = 0, extra: String? = nil) {
            self.namespace = namespace
            self.sample = sample
            self.extra = extra
        }
    }

    /// SHA-256 over the fields.
    let digest: KeyDigest
    private let prefix: String

    /// The key of the request, rendered from a prompt of the template.
    public init(of request: SummaryRequest, prompt: String, options: Options = Options()) {
        digest = KeyDigest(of: request, options: options)
        prefix = Self.prefix(prompt: prompt, options: options)
    }

    /// The key under which the cache has the summary.
    public var text: String { prefix + digest.description }

    /// What all keys of the prompt begin with.
    public static func prefix(prompt: String, options: Options = Options()) -> String {
        "\(options.namespace)/\(promptDigits(prompt))/"
    }

    static func promptDigits(_ prompt: String) -> String {
        hexadecimal(SHA256.hash(data: Array(prompt.utf8)).prefix(4))
    }
}

/// 32 bytes of SHA-256: a run keeps one for each conversation, so they are kept small.
struct KeyDigest: Sendable, Hashable, CustomStringConvertible {
    private let words: (UInt64, UInt64, UInt64, UInt64)

    init(of request: SummaryRequest, options: SummaryKey.Options) {
        var fields = DigestedFields()
        fields.add("granary summary")
        fields.add(String(SummaryKey.recipe))
        fields.add(options.namespace)
        fields.add(request.endpoint.kind)
        fields.add(request.endpoint.baseURL)
        fields.add(request.model)
        fields.add(String(request.messages.count))
        for message in request.messages {
            fields.add(message.role)
            fields.add(message.content)
        }
        fields.add(request.schema?.text)
        fields.add(request.outputMode)
        fields.add(request.fields.text)
        fields.add(String(options.sample))
        fields.add(options.extra)
        words = fields.digest().withUnsafeBytes { bytes in
            func word(_ number: Int) -> UInt64 {
                UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: number * 8, as: UInt64.self))
            }
            return (word(0), word(1), word(2), word(3))
        }
    }

    var description: String {
        [words.0, words.1, words.2, words.3].map { word in
            withUnsafeBytes(of: word.bigEndian) { hexadecimal($0) }
        }.joined()
    }

    static func == (left: KeyDigest, right: KeyDigest) -> Bool { left.words == right.words }

    func hash(into hasher: inout Hasher) {
        // Any part of a SHA-256 spreads as well as all of it.
        hasher.combine(words.0)
    }
}

/// SHA-256 over fields, each with its length before it.
struct DigestedFields {
    private var hash = SHA256()

    mutating func add(_ field: String?) {
        guard var field else { return add(length: .max) }
        field.withUTF8 { bytes in
            add(length: UInt64(bytes.count))
            hash.update(bufferPointer: UnsafeRawBufferPointer(bytes))
        }
    }

    private mutating func add(length: UInt64) {
        withUnsafeBytes(of: length.bigEndian) { hash.update(bufferPointer: $0) }
    }

    func digest() -> SHA256.Digest { hash.finalize() }
}

/// Two lower-case hexadecimal digits a byte.
func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
    let digits = Array("0123456789abcdef".utf8)
    var text: [UInt8] = []
    for byte in bytes {
        text.append(digits[Int(byte >> 4)])
        text.append(digits[Int(byte & 15)])
    }
    return String(decoding: text, as: UTF8.self)
}
