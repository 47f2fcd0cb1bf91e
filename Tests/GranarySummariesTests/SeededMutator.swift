/// Changes bytes at random, the same way for the same seed.
struct SeededMutator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) {
        state = seed
    }

    /// SplitMix64.
    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// The bytes with one to four places overwritten, removed, inserted or repeated; likely ones are JSON's own.
    mutating func mutate(_ bytes: [UInt8]) -> [UInt8] {
        var mutated = bytes
        for _ in 0..<Int.random(in: 1...4, using: &self) where !mutated.isEmpty {
            let place = Int.random(in: 0..<mutated.count, using: &self)
            let marks = Array("[]{}\",:\\u0-+.eEntf \n".utf8)
            let any = UInt8.random(in: 0...255, using: &self)
            let byte = Bool.random(using: &self) ? any : marks.randomElement(using: &self) ?? any
            switch Int.random(in: 0..<4, using: &self) {
            case 0: mutated[place] = byte
            case 1: mutated.remove(at: place)
            case 2: mutated.insert(byte, at: place)
            default:
                let end = Int.random(in: place...min(mutated.count, place + 40), using: &self)
                mutated.insert(contentsOf: mutated[place..<end], at: place)
            }
        }
        return mutated
    }
}
