import Granary
import TestSupport
import Testing

@Suite(.inTurn) struct StoredValueTests {
    private let value = StoredValue(CacheValue([1, 2, 3, 4, 5], coding: .json), expiry: 1_700_000_000_000)

    @Test(arguments: [nil, 0, 1, 1_700_000_000_000, UInt64.max] as [UInt64?], [0, 1, 1_000])
    func givesBackWhatWasEncoded(expiry: UInt64?, count: Int) {
        let value = StoredValue(CacheValue([UInt8](repeating: 7, count: count), coding: .floats), expiry: expiry)
        let decoded = StoredValue(decoding: value.encoded(forKey: "clé"), forKey: "clé")
        #expect(decoded?.value == value.value)
        #expect(decoded?.expiry == value.expiry.map { max($0, 1) })
    }

    @Test func refusesEveryFlippedBit() {
        let bytes = value.encoded(forKey: "key")
        for bit in 0..<bytes.count * 8 {
            var damaged = bytes
            damaged[bit / 8] ^= 1 << (bit % 8)
            #expect(StoredValue(decoding: damaged, forKey: "key") == nil, "bit \(bit)")
        }
    }

    @Test func refusesEveryOtherLength() {
        let bytes = value.encoded(forKey: "key")
        for count in 0..<bytes.count { #expect(StoredValue(decoding: Array(bytes[..<count]), forKey: "key") == nil) }
        #expect(StoredValue(decoding: bytes + [0], forKey: "key") == nil)
    }

    /// Composed and decomposed spellings are two keys.
    @Test(arguments: ["", "keyx", "ke", "Key"]) func refusesAValueOfAnotherKey(other: String) {
        #expect(StoredValue(decoding: value.encoded(forKey: "key"), forKey: other) == nil)
        #expect(StoredValue(decoding: value.encoded(forKey: "\u{E9}"), forKey: "e\u{301}") == nil)
    }

    /// The layout is the same for every machine and version.
    @Test func bytesAreThoseOfTheDescription() {
        let bytes = StoredValue(CacheValue([9], coding: .text), expiry: 0x0102).encoded(forKey: "k")
        #expect(bytes[..<16] == [0x47, 0x52, 0x56, 0x31, 2, 0, 0, 0, 2, 1, 0, 0, 0, 0, 0, 0])
        #expect(bytes.count == 25 && bytes[24] == 9)
    }

    @Test func endsAtItsMoment() {
        #expect(!value.hasEnded(at: 1_699_999_999_999) && value.hasEnded(at: 1_700_000_000_000))
        #expect(!StoredValue(value.value).hasEnded(at: .max))
    }
}
