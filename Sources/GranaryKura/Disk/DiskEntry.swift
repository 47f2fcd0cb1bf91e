internal import GranarySummaries

/// What one row of a cache of Kura's comes to.
enum DiskEntry: Sendable, Equatable {
    /// A summary, under the MD5 that Kura calls it by; the expiry is in milliseconds since 1970.
    case summary(SummaryContent, md5: String, expiry: UInt64?)
    case expired
    case skipped(KuraSkip.Reason, detail: String)
}

extension DiskEntry {
    /// Bytes of all texts of the summary; 0 if there is none.
    var byteCount: Int {
        guard case .summary(let content, _, _) = self else { return 0 }
        let texts =
            [content.summary, content.request, content.topic, content.task].compactMap { $0 }
            + (content.languages ?? []) + (content.assistantErrors ?? [])
        return texts.reduce(0) { $0 + $1.utf8.count }
    }
}
