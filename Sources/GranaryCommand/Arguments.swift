import ArgumentParser
import FoundationEssentials
import SegmentStore

/// The arguments as the system gave them.
enum Arguments {
    /// Refuses arguments that are not UTF-8: Swift would repair them, and a repaired key is another key.
    static func requireText() throws(CommandFailure) {
        for number in 1..<max(1, Int(CommandLine.argc)) {
            guard let argument = CommandLine.unsafeArgv[number], String(validatingCString: argument) == nil else {
                continue
            }
            throw CommandFailure(.badUsage, "argument \(number) is not UTF-8; give such keys with --key-base64")
        }
    }
}

/// Keys as bytes.
enum Key {
    static func bytes(_ text: String) throws(CommandFailure) -> [UInt8] { try checked(Array(text.utf8)) }

    static func bytes(base64 text: String) throws(CommandFailure) -> [UInt8] {
        guard let data = Data(base64Encoded: text), data.base64EncodedString() == text else {
            throw CommandFailure(.badUsage, "--key-base64 \(text): that is no base64")
        }
        return try checked(Array(data))
    }

    private static func checked(_ key: [UInt8]) throws(CommandFailure) -> [UInt8] {
        guard (1...65_535).contains(key.count) else {
            throw CommandFailure(.badUsage, "a key of \(key.count) bytes; keys take 1 to 65,535 bytes")
        }
        return key
    }

    /// The key for people, in messages.
    static func name(_ key: [UInt8]) -> String {
        if let text = String(validating: key, as: UTF8.self) { return printable(text) }
        return "base64 \(Data(key).base64EncodedString())"
    }

    /// The text in one line and harmless to a terminal.
    private static func printable(_ text: String) -> String {
        text.unicodeScalars.reduce(into: "") { shown, scalar in
            switch scalar.properties.generalCategory {
            case .control, .format, .lineSeparator, .paragraphSeparator:
                shown += "\\u{\(String(scalar.value, radix: 16))}"
            default: shown.unicodeScalars.append(scalar)
            }
        }
    }
}

/// Tags as bytes.
enum Tag {
    static func bytes(_ text: String) throws(CommandFailure) -> [UInt8] {
        guard (1...255).contains(text.utf8.count) else {
            throw CommandFailure(.badUsage, "a tag of \(text.utf8.count) bytes; tags take 1 to 255 bytes")
        }
        return Array(text.utf8)
    }
}

/// How a verb reports.
enum ReportFormat: String, ExpressibleByArgument, CaseIterable {
    case text
    case json
}

struct FormatOption: ParsableArguments {
    @Option(help: "How to report: text, or json for one object on standard output.")
    var format = ReportFormat.text
}

/// A length of time such as 90s, 15m, 12h or 30d.
struct TimeSpan: ExpressibleByArgument {
    let milliseconds: UInt64

    init?(argument: String) {
        let units: [Character: UInt64] = ["s": 1_000, "m": 60_000, "h": 3_600_000, "d": 86_400_000]
        let digits = argument.dropLast()
        // A thousand centuries at most, far from any overflow.
        guard let last = argument.last, let unit = units[last],
            digits.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }),
            let number = UInt64(digits), (1...36_525_000).contains(number)
        else { return nil }
        milliseconds = number * unit
    }
}

/// A number of bytes such as 1048576, 512MiB or 20GB.
struct ByteCount: ExpressibleByArgument {
    let bytes: Int

    private static let units = [
        "": 1, "kb": 1_000, "mb": 1_000_000, "gb": 1_000_000_000, "tb": 1_000_000_000_000,
        "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "tib": 1 << 40,
    ]

    init?(argument: String) {
        let digits = argument.prefix { ("0"..."9").contains($0) }
        guard let number = Int(digits), let unit = Self.units[argument.dropFirst(digits.count).lowercased()] else {
            return nil
        }
        let (bytes, overflow) = number.multipliedReportingOverflow(by: unit)
        if overflow { return nil }
        self.bytes = bytes
    }
}

/// The limit of the verbs that open for writing.
struct SizeLimitOption: ParsableArguments {
    @Option(
        name: .customLong("size-limit"),
        help: ArgumentHelp(
            "The most that the directory takes on the disk, such as 512MiB or 20GB; it holds for this command.",
            valueName: "size"
        )
    )
    private var size: ByteCount?

    /// In bytes; nil: none.
    var bytes: Int? { size?.bytes }

    func validate() throws {
        guard let bytes, bytes < 1 << 20 else { return }
        throw ValidationError("--size-limit of \(grouped(bytes)) bytes; it takes 1 MiB at least")
    }

    /// What is to be said if entries had to leave: that never happens in silence.
    func note(on store: SegmentStore) -> String? {
        guard let bytes, let count = try? store.statistics().reclamation.evictions, count > 0 else { return nil }
        return "granary: \(store.directory): the size limit of \(grouped(bytes)) bytes is reached; "
            + "\(grouped(count)) entries left"
    }
}

/// Opening stores the way verbs do.
enum Opening {
    static func reader(_ directory: String) throws(CommandFailure) -> SegmentStore {
        let store = try reporting { () throws(StoreError) in
            try SegmentStore(directory: directory, options: StoreOptions(access: .readOnly))
        }
        Interruption.shared.protect(store)
        return store
    }

    private static func writer(
        _ directory: String,
        limit: SizeLimitOption,
        creating: Bool
    ) throws(CommandFailure) -> SegmentStore {
        if !creating { _ = try reader(directory) }
        let store = try reporting { () throws(StoreError) in
            try SegmentStore(directory: directory, options: StoreOptions(sizeLimit: limit.bytes))
        }
        announce(store)
        return store
    }

    /// Opens the store, which must be there unless it is created, lets the body change it, and closes it.
    static func changing<Result>(
        _ directory: String,
        limit: SizeLimitOption,
        creating: Bool = false,
        _ body: (SegmentStore) throws(StoreError) -> Result
    ) throws(CommandFailure) -> Result {
        let store = try writer(directory, limit: limit, creating: creating)
        let result = try reporting { () throws(StoreError) in
            defer { if let note = limit.note(on: store) { Output.message(note) } }
            return try body(store)
        }
        try reporting { () throws(StoreError) in try store.close() }
        return result
    }

    /// Lets a signal close the store, and says what damage opening it found.
    static func announce(_ store: SegmentStore) {
        Interruption.shared.protect(store)
        for finding in store.recoveryReport.findings where finding.isDamage { Output.message("granary: \(finding)") }
    }
}
