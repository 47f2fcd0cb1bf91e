/// What an import brought.
public struct KuraImportReport: Sendable, Hashable {
    /// Entries that are in the cache now.
    public var imported = 0
    /// Entries that had expired and were left.
    public var expired = 0
    /// Why other entries were left, in the order of `KuraSkip.Reason`.
    public internal(set) var skips: [KuraSkip] = []
    /// Why some of the database could not be read; nil if all of it was.
    public internal(set) var damage: String?

    /// Entries that were left because they were not understood.
    public var skipped: Int { skips.reduce(0) { $0 + $1.count } }

    mutating func add(_ reason: KuraSkip.Reason, detail: String) {
        if let place = skips.firstIndex(where: { $0.reason == reason }) {
            skips[place].count += 1
        } else {
            skips.append(KuraSkip(reason: reason, count: 1, example: detail))
            skips.sort { $0.reason < $1.reason }
        }
    }
}

/// Entries that were not understood, and were left for one reason.
public struct KuraSkip: Sendable, Hashable {
    /// Why an entry is left.
    public enum Reason: String, Sendable, Hashable, CaseIterable, Comparable {
        /// Its key is none of Kura's: an MD5 as text.
        case foreignKey = "foreign_key"
        /// Its value is no pickle, or its expiry no time.
        case foreignValue = "foreign_value"
        /// Its pickle names, calls or uses something that plain data does not; none of it was done.
        case refusedPickle = "refused_pickle"
        /// Its pickle is cut off or malformed.
        case damagedPickle = "damaged_pickle"
        /// Its pickle holds something else than a summary.
        case notASummary = "not_a_summary"
        /// Its value is in a file to which an absolute path, `..`, or a symbolic link leads, or in no regular file.
        case refusedPath = "refused_path"
        /// Its value is in a file that is not there.
        case missingFile = "missing_file"
        /// Its value is larger than 16 MiB.
        case tooLarge = "too_large"
        /// Its value, here or in a file, cannot be read.
        case unreadable

        /// Orders as they are listed.
        public static func < (left: Reason, right: Reason) -> Bool {
            allCases.firstIndex(of: left) ?? 0 < allCases.firstIndex(of: right) ?? 0
        }
    }

    /// Why they were left.
    public var reason: Reason
    /// How many.
    public var count: Int
    /// What was found about the first of them.
    public var example: String
}
