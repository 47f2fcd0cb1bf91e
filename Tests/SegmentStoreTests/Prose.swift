/// Text as a model writes it, of about the length, another one for each seed.
enum Prose {
    static func bytes(_ length: Int, seed: UInt64 = 1) -> [UInt8] {
        var generator = SeededGenerator(seed: seed)
        var bytes: [UInt8] = []
        while bytes.count < length {
            bytes += text("The user \(verbs.randomElement(using: &generator) ?? "") ")
            bytes += text("the \(things.randomElement(using: &generator) ?? "") of version \(generator.next() % 100). ")
        }
        return Array(bytes.prefix(length))
    }

    private static let verbs = ["asked about", "complained of", "compared", "praises", "was shown", "cannot find"]
    private static let things = [
        "database", "zeppelin's ballast", "summary", "quilt pattern", "Python function", "moss",
    ]
}
