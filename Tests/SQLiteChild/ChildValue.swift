/// The value of an operation of a child process, which parent and child make alike: it says whose it is.
enum ChildValue {
    static func bytes(key: String, name: String, number: Int, length: Int) -> [UInt8] {
        let head = Array("\(key) \(name) \(number) \(length) ".utf8)
        return head + (0..<length).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ number) }
    }

    /// Whether the bytes are a value that some child stored under the key.
    static func isWhole(_ bytes: [UInt8], key: String) -> Bool {
        let fields = String(decoding: bytes.prefix(100), as: UTF8.self).split(separator: " ", maxSplits: 4)
        guard fields.count >= 4, fields[0] == key, let number = Int(fields[2]), let length = Int(fields[3]) else {
            return false
        }
        return bytes == Self.bytes(key: key, name: String(fields[1]), number: number, length: length)
    }
}
