/// Something that recovery or verification found in the store's files and that is worth a line.
public struct Finding: Sendable, Equatable {
    /// What was found.
    public enum Kind: String, Sendable {
        /// A record that its writer did not finish before it died; nothing that `set` had returned.
        case tornRecord
        /// A record whose bytes changed after it was written.
        case damagedRecord
        /// One copy of a segment's header; the other one holds.
        case damagedHeader
        /// A footer that cannot be used; its segment was scanned instead.
        case damagedFooter
        /// A file that is shorter than its segment was made.
        case shortenedSegment
        /// A file with a segment's name whose header cannot be read; its records cannot be either.
        case unreadableSegment
        /// A segment of another directory, or one that is here twice; it was left alone.
        case foreignSegment
        /// A whole record of a kind that this version does not know.
        case unknownRecord
        /// Bytes where there should be none; nothing is lost.
        case strayBytes
    }

    /// What was found.
    public var kind: Kind
    /// The file it is in.
    public var path: String
    /// Where it begins, in bytes from the start of the file.
    public var offset: Int
    /// Bytes concerned.
    public var length: Int
    /// What is lost by it, in words.
    public var loss: String

    /// False for what a death in mid-write leaves behind, and for files that are none of the store's.
    public var isDamage: Bool {
        switch kind {
        case .tornRecord, .foreignSegment, .unknownRecord: false
        default: true
        }
    }
}

extension Finding: CustomStringConvertible {
    /// File, offset and loss, in a line.
    public var description: String {
        let what =
            switch kind {
            case .tornRecord: "torn record"
            case .damagedRecord: "damaged record"
            case .damagedHeader: "damaged header copy"
            case .damagedFooter: "damaged footer"
            case .shortenedSegment: "shortened file"
            case .unreadableSegment: "unreadable segment"
            case .foreignSegment: "foreign segment"
            case .unknownRecord: "unknown record"
            case .strayBytes: "stray bytes"
            }
        return "\(path) at byte \(offset): \(what) (\(length) bytes); \(loss)"
    }
}

/// What opening a store found. A refresh keeps `segments` up to date and changes nothing else.
public struct RecoveryReport: Sendable, Equatable {
    /// Segments in use.
    public var segments = 0
    /// Segments whose footer served.
    public var footersUsed = 0
    /// Segments that had to be scanned.
    public var segmentsScanned = 0
    /// Records seen, dead ones included.
    public var records = 0
    /// Records that their writers did not finish before they died.
    public var tornRecords = 0
    /// Records that were damaged after they were written.
    public var damagedRecords = 0
    /// Details, at most `findingLimit` of them.
    public private(set) var findings: [Finding] = []
    /// Findings beyond the limit.
    public private(set) var furtherFindings = 0

    /// Enough to see what happened; a destroyed disk must not fill the memory with its own obituary.
    public static let findingLimit = 1_000

    mutating func add(_ finding: Finding) {
        switch finding.kind {
        case .tornRecord: tornRecords += 1
        case .damagedRecord: damagedRecords += 1
        default: break
        }
        if findings.count < Self.findingLimit { findings.append(finding) } else { furtherFindings += 1 }
    }
}
