import ArgumentParser
import GranarySummaries
import SegmentStore

struct Compact: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Wins back the disk space of replaced, removed and expired entries; every other entry stays.",
        discussion: "Example: granary compact .cache/answers"
    )

    @Argument(help: "The store's directory.")
    var directory: String

    @OptionGroup var report: FormatOption

    @OptionGroup var limit: SizeLimitOption

    func run() throws {
        let directory = try CacheLocation.directory(directory, for: "compact")
        let size = DirectorySize(of: directory)
        _ = try Opening.changing(directory, limit: limit) { store throws(StoreError) in try store.compact() }
        let bytes = size.shrinkage
        if report.format == .json {
            var writer = JSONWriter()
            writer.beginObject()
            writer.member("shrunk_bytes", bytes)
            writer.endObject()
            try Output.write(writer.bytes + [UInt8(ascii: "\n")])
        } else {
            try Output.write("\(grouped(bytes)) bytes won back\n")
        }
    }
}

struct Evict: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Removes the entries that every condition given holds for, and gives their disk space back.",
        discussion: "Example: granary evict .cache/answers --prefix draft/ --older-than 30d"
    )

    @Argument(help: "The store's directory.")
    var directory: String

    @Option(help: "Only entries whose keys begin so.")
    var prefix: String?

    @Option(help: "Only entries that were set with this tag.")
    var tag: String?

    @Option(
        name: .customLong("older-than"),
        help: ArgumentHelp("Only entries set longer ago, such as 90s, 15m, 12h or 30d.", valueName: "time")
    )
    var age: TimeSpan?

    @OptionGroup var report: FormatOption

    @OptionGroup var limit: SizeLimitOption

    func run() throws {
        let selection = try selection()
        let directory = try CacheLocation.directory(directory, for: "evict")
        let size = DirectorySize(of: directory)
        let count = try Opening.changing(directory, limit: limit) { store throws(StoreError) in
            let count = try store.removeAll(where: selection)
            try store.compact()
            return count
        }
        let bytes = size.shrinkage
        if report.format == .json {
            var writer = JSONWriter()
            writer.beginObject()
            writer.member("removed_entries", count)
            writer.member("shrunk_bytes", bytes)
            writer.endObject()
            try Output.write(writer.bytes + [UInt8(ascii: "\n")])
        } else {
            try Output.write("\(grouped(count)) entries removed, \(grouped(bytes)) bytes won back\n")
        }
    }

    private func selection() throws(CommandFailure) -> EntrySelection {
        guard prefix != nil || tag != nil || age != nil else {
            throw CommandFailure(.badUsage, "which entries? give --prefix, --tag or --older-than, or several")
        }
        if prefix == "" {
            throw CommandFailure(.badUsage, "an empty --prefix means every entry, which granary clear removes")
        }
        var selection = EntrySelection(prefix: prefix.map { Array($0.utf8) } ?? [])
        selection.tag = try tag.map(Tag.bytes)
        if let age {
            // Entries know the second they were set in; none leaves too soon.
            let now = StoreClock.system.milliseconds()
            selection.createdBefore = UInt32(clamping: (now - min(now, age.milliseconds)) / 1_000)
        }
        return selection
    }
}
