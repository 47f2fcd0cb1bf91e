/// Writes a footer row by row into the end of a segment's file, in pieces, so that sealing takes no memory to speak of.
struct FooterWriter: ~Copyable {
    private let descriptor: CInt
    private let files: any FileLayer
    /// Bytes that have not been written, and where they go.
    private var piece: [UInt8] = []
    private var position: Int
    /// So many rows were announced and not appended; negative: more were, and are not written.
    private(set) var missing: Int

    private static let pieceLength = 64 << 10

    /// A writer of so many rows, which end where the trailer begins.
    init(_ descriptor: CInt, header: SegmentHeader, rowCount: Int, files: any FileLayer) {
        self.descriptor = descriptor
        self.files = files
        missing = rowCount
        position = header.capacity - Footer.length(rowCount: rowCount)
        piece.reserveCapacity(Self.pieceLength)
    }

    mutating func append(_ row: FooterRow) throws(SystemError) {
        missing -= 1
        if missing < 0 { return }
        if piece.count + Format.footerRowLength > Self.pieceLength { try flush() }
        row.append(to: &piece)
    }

    /// Writes what is left; the rows are in the file then.
    mutating func flush() throws(SystemError) {
        try files.writeFully(descriptor, piece, at: position)
        position += piece.count
        piece.removeAll(keepingCapacity: true)
    }

    /// Writes the trailer behind the rows, which makes them count.
    consuming func finish(_ trailer: [UInt8]) throws(SystemError) {
        try flush()
        try files.writeFully(descriptor, trailer, at: position)
    }
}
