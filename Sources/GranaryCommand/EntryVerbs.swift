import ArgumentParser
import Granary
import SegmentStore

struct Get: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Writes a value's bytes to standard output, and nothing else.",
        discussion: "Example: granary get .cache/answers question > answer.txt"
    )

    @Argument(help: "The cache: a directory, or a URL such as sqlite:FILE, redis://… or tiered:DIR,redis://…")
    var cache: String

    @Argument(help: "The key.")
    var key: String?

    @Option(name: .customLong("key-base64"), help: "The key in base64, for keys that are not UTF-8.")
    var keyBase64: String?

    func run() async throws {
        let key = try OneKey.bytes(key, base64: keyBase64)
        let location = try CacheLocation(cache)
        guard case .directory(let directory) = location else {
            return try Output.write(await AnyCacheVerbs(location: location).get(key))
        }
        let store = try Opening.reader(directory)
        guard let value = try reporting({ () throws(StoreError) in try store.get(key) }) else {
            let isDamaged = try reporting { () throws(StoreError) in try store.statistics() }.damagedReads > 0
            let reason = isDamaged ? "the entry is damaged; granary verify \(directory) says more" : "not found"
            throw CommandFailure(.notFound, "\(Key.name(key)): \(reason)")
        }
        try Output.write(value)
    }
}

struct Set: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Stores a value: the argument, a file's bytes, or standard input.",
        discussion: """
            Example: granary set .cache/answers question "the answer" --expires-in 30d

            With --key-base64 the argument behind DIR is the value.
            """
    )

    @Argument(help: "The cache, as for get; a directory is created, parents included.")
    var cache: String

    @Argument(help: "The key; with --key-base64, the value.")
    var key: String?

    @Argument(help: "The value; without it and --file, standard input is read.")
    var value: String?

    @Option(help: "A file whose bytes are the value.")
    var file: String?

    @Option(name: .customLong("key-base64"), help: "The key in base64, for keys that are not UTF-8.")
    var keyBase64: String?

    @Option(name: .customLong("expires-in"), help: "How long the entry lasts, such as 90s, 15m, 12h or 30d.")
    var expiresIn: TimeSpan?

    @Option(help: "A tag of 1 to 255 bytes to group entries by.")
    var tag: String?

    @OptionGroup var limit: SizeLimitOption

    func run() async throws {
        let location = try CacheLocation(cache)
        let keyBytes: [UInt8]
        let argument: String?
        if let keyBase64 {
            keyBytes = try Key.bytes(base64: keyBase64)
            argument = key
            if value != nil { throw CommandFailure(.badUsage, "both a key and --key-base64; give one") }
        } else {
            keyBytes = try OneKey.bytes(key, base64: nil)
            argument = value
        }
        if argument != nil && file != nil { throw CommandFailure(.badUsage, "both a value and --file; give one") }
        let tag = try tag.map(Tag.bytes)
        let bytes: [UInt8]
        if let argument {
            bytes = Array(argument.utf8)
        } else {
            bytes = try Input.bytes(of: file ?? "-", limit: 1 << 30)
        }
        var expiry: UInt64?
        if let expiresIn {
            let (end, overflow) = StoreClock.system.milliseconds().addingReportingOverflow(expiresIn.milliseconds)
            expiry = overflow ? .max : end
        }
        guard case .directory(let directory) = location else {
            let options = CacheSetOptions(expiry: expiry.map { .at(milliseconds: $0) }, tag: self.tag)
            return try await AnyCacheVerbs(location: location).set(keyBytes, to: bytes, options: options, limit: limit)
        }
        let options = SetOptions(expiry: expiry, tag: tag)
        try Opening.changing(directory, limit: limit, creating: true) { store throws(StoreError) in
            try store.set(keyBytes, to: bytes, options: options)
        }
    }
}

struct Delete: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Removes entries; every key is tried, and a missing one makes the exit code 2.",
        discussion: "Example: granary delete .cache/answers question another-question"
    )

    @Argument(help: "The cache: a directory, or a URL such as sqlite:FILE, redis://… or tiered:DIR,redis://…")
    var cache: String

    @Argument(help: "The keys.")
    var keys: [String] = []

    @Option(name: .customLong("key-base64"), help: "A key in base64, for keys that are not UTF-8; may be repeated.")
    var keysBase64: [String] = []

    @OptionGroup var limit: SizeLimitOption

    func run() async throws {
        var all: [[UInt8]] = []
        for key in keys { all.append(try Key.bytes(key)) }
        for key in keysBase64 { all.append(try Key.bytes(base64: key)) }
        guard !all.isEmpty else { throw CommandFailure(.badUsage, "no key is given") }
        let location = try CacheLocation(cache)
        guard case .directory(let directory) = location else {
            let isAnyMissing = try await AnyCacheVerbs(location: location).delete(all, limit: limit)
            if isAnyMissing { throw CommandFailure(.notFound) }
            return
        }
        var isAnyMissing = false
        try Opening.changing(directory, limit: limit) { store throws(StoreError) in
            for key in all {
                let damagedBefore = try store.statistics().damagedReads
                let isReadable = try store.contains(key)
                let isDamaged = try store.statistics().damagedReads > damagedBefore
                if try store.remove(key) && isReadable { continue }
                isAnyMissing = true
                Output.message("granary: \(Key.name(key)): \(isDamaged ? "the entry was damaged" : "not found")")
            }
        }
        if isAnyMissing { throw CommandFailure(.notFound) }
    }
}

/// The key of a verb that takes one.
enum OneKey {
    static func bytes(_ text: String?, base64: String?) throws(CommandFailure) -> [UInt8] {
        switch (text, base64) {
        case (let text?, nil): return try Key.bytes(text)
        case (nil, let base64?): return try Key.bytes(base64: base64)
        case (nil, nil): throw CommandFailure(.badUsage, "no key is given")
        case (_?, _?): throw CommandFailure(.badUsage, "both a key and --key-base64; give one")
        }
    }
}
