internal import FoundationEssentials
public import Granary
internal import GranarySummaries
public import SegmentStore

/// Brings the summaries of a Kura disk cache into a cache of this library.
///
/// ```swift
/// let kura = try await KuraImport(from: ".kura-cache")
/// let report = try await kura.run(into: SegmentCache(directory: ".cache/summaries"))
/// print("\(report.imported) imported, \(report.expired) expired, \(report.skipped) skipped")
/// ```
///
/// Kura's directory is only read, beside a running Kura too. Its pickles are read as data: whatever is in them, nothing
/// of it is executed. An entry that is not understood is counted and left.
///
/// The summaries lie under `kura/` and Kura's key, where `KuraKeys` finds them, and end when they would have ended for
/// Kura. Importing again replaces them.
public struct KuraImport: Sendable {
    /// Entries there are, expired ones and those that are not understood among them; nil where the database is damaged so
    /// that they cannot be counted.
    public var entryCount: Int? { source.rowCount }
    private let source: KuraDiskCache

    /// Opens the directory that Kura caches in, as it is now.
    ///
    /// - Parameters:
    ///   - directory: Where `cache.db` is.
    ///   - temporaryDirectory: Where the database is copied to for as long as this value lives; what `TMPDIR` names unless
    ///     given, or `/tmp`.
    /// - Throws: `KuraImportError` where the directory cannot be read as a cache of Kura's.
    public init(from directory: String, temporaryDirectory: String? = nil) async throws(KuraImportError) {
        let named = ProcessInfo.processInfo.environment["TMPDIR"].flatMap { $0.isEmpty ? nil : $0 }
        source = try await KuraDiskCache.open(directory, temporaryDirectory: temporaryDirectory ?? named ?? "/tmp")
    }

    /// Imports everything that is understood.
    ///
    /// - Parameters:
    ///   - cache: Where to.
    ///   - model: What entries are tagged with, as those of the model's summaries are. Kura does not store it.
    ///   - clock: What tells whether an entry has expired.
    ///   - onProgress: Called now and then with the number of entries looked at.
    /// - Throws: What the cache throws when it stores, and `CancellationError`; what was imported until then stays.
    public func run(
        into cache: any CacheStrategy,
        model: String? = nil,
        clock: StoreClock = .system,
        onProgress: (@Sendable (Int) -> Void)? = nil
    ) async throws -> KuraImportReport {
        var report = KuraImportReport()
        var done = 0
        var lastRow = Int64.min
        while true {
            try Task.checkCancellation()
            let batch = await source.batch(after: lastRow, now: clock.milliseconds())
            try await store(batch.entries, in: cache, model, &report)
            done += batch.entries.count
            onProgress?(done)
            report.damage = report.damage ?? batch.damage
            guard let last = batch.lastRow else { return report }
            lastRow = last
        }
    }

    private func store(
        _ found: [DiskEntry],
        in cache: any CacheStrategy,
        _ model: String?,
        _ report: inout KuraImportReport
    ) async throws {
        var entries: [CacheEntry] = []
        for entry in found {
            switch entry {
            case .expired: report.expired += 1
            case .skipped(let reason, let detail): report.add(reason, detail: detail)
            case .summary(let content, let md5, let expiry):
                let options = CacheSetOptions(expiry: expiry.map { .at(milliseconds: $0) }, tag: model)
                entries.append(CacheEntry(KuraKeys.prefix + md5, try Self.value(of: content), options: options))
            }
        }
        try await cache.set(entries)
        report.imported += entries.count
    }

    /// The content as a run stores it.
    private static func value(of content: SummaryContent) throws -> CacheValue {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .sortedKeys
        return CacheValue(Array(try encoder.encode(content)), coding: .json)
    }
}
