public import FoundationEssentials

/// Turns values into bytes and back.
///
/// JSON costs microseconds a value, many times a checked read: text, bytes and embeddings have codecs of their own.
///
/// ```swift
/// let embeddings = Cache<[Float]>(over: try SegmentCache(directory: ".cache/embeddings"))
/// let vector = try await embeddings.value(forKey: "granary") { try await model.embed("granary") }
/// ```
public struct ValueCodec<Value: Sendable>: Sendable {
    /// What the bytes are said to be when they are stored, and must be said to be when they are read.
    public let coding: ValueCoding
    let encode: @Sendable (Value) throws -> [UInt8]
    let decode: @Sendable ([UInt8]) -> Value?

    /// A codec of the two functions; `decode` gives nil for bytes that code no value.
    public init(
        coding: ValueCoding,
        encode: @escaping @Sendable (Value) throws -> [UInt8],
        decode: @escaping @Sendable ([UInt8]) -> Value?
    ) {
        self.coding = coding
        self.encode = encode
        self.decode = decode
    }
}

extension ValueCodec where Value: Codable {
    /// JSON with sorted keys.
    public static var json: ValueCodec {
        let coder = JSONCoder()
        return ValueCodec(coding: .json) { value in
            Array(try coder.encoder.encode(value))
        } decode: { bytes in
            try? coder.decoder.decode(Value.self, from: Data(bytes))
        }
    }
}

/// An encoder and a decoder that are made once.
///
/// `@unchecked`: neither is changed after this, and both make what they need anew in every call.
private final class JSONCoder: @unchecked Sendable {
    let encoder = JSONEncoder()
    let decoder = JSONDecoder()

    init() { encoder.outputFormatting = .sortedKeys }
}

extension ValueCodec where Value == String {
    /// The text's UTF-8; bytes that are none are no value.
    public static var text: ValueCodec {
        ValueCodec(coding: .text) {
            Array($0.utf8)
        } decode: {
            String(validating: $0, as: UTF8.self)
        }
    }
}

extension ValueCodec where Value == [UInt8] {
    /// The bytes as they are.
    public static var bytes: ValueCodec {
        ValueCodec(coding: .bytes) {
            $0
        } decode: {
            $0
        }
    }
}

extension ValueCodec where Value == Data {
    /// The bytes as they are.
    public static var data: ValueCodec {
        ValueCodec(coding: .bytes) {
            Array($0)
        } decode: {
            Data($0)
        }
    }
}

extension ValueCodec where Value == [Float] {
    /// Four bytes a number, little-endian; every bit pattern comes back as it was.
    public static var floats: ValueCodec {
        ValueCodec(coding: .floats) { values in
            values.withUnsafeBytes { Array($0) }
        } decode: { bytes in
            guard bytes.count % MemoryLayout<Float>.size == 0 else { return nil }
            return [Float](unsafeUninitializedCapacity: bytes.count / MemoryLayout<Float>.size) { buffer, count in
                bytes.withUnsafeBytes { UnsafeMutableRawBufferPointer(buffer).copyMemory(from: $0) }
                count = buffer.count
            }
        }
    }
}
