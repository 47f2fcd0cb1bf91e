import GranaryTesting

/// Changes bytes at random, the same way for the same seed.
struct SeededMutator: RandomNumberGenerator {
    private var generator: SeededGenerator

    init(seed: UInt64) { generator = SeededGenerator(seed: seed) }

    mutating func next() -> UInt64 { generator.next() }

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
