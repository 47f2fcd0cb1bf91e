/// What an entry costs the store beside its value.
enum RecordCost {
    /// Of a record's header.
    private static let header = 56
    /// Of a record's row in the footer of its segment.
    private static let footerRow = 48

    /// Bytes of a record, padded to a multiple of 8, and its row.
    static func entryBytes(key: Int, value: Int) -> Int { (header + key + value + 7) & ~7 + footerRow }
}
