/// The value of an operation of the crash test, which parent and child make alike.
enum CrashValue {
    static func bytes(key: String, number: Int, seed: UInt64, length: Int) -> [UInt8] {
        var state = key.utf8.reduce(seed &+ UInt64(number)) { ($0 ^ UInt64($1)) &* 0x100_0000_01B3 } | 1
        return [UInt8](unsafeUninitializedCapacity: length) { buffer, count in
            for index in 0..<length {
                if index & 7 == 0 { state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407 }
                buffer[index] = UInt8(truncatingIfNeeded: state >> UInt64(8 * (index & 7)))
            }
            count = length
        }
    }
}
