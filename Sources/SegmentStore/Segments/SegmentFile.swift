import CLinux
import Glibc

/// Making, finding and closing segment files; nothing here knows the index.
struct SegmentFile {
    static let suffix = ".segment"
    /// A file under this suffix is a segment in the making; a writer that finds one removes it.
    static let unfinishedSuffix = ".segment.new"

    /// The name of a new segment. It is a hint for people; the header rules.
    static func name(number: UInt64) -> String {
        let digits = String(number)
        return String(repeating: "0", count: max(0, 10 - digits.utf8.count)) + digits + suffix
    }

    /// True if the name is one that `name(number:)` gives, with the suffix of a segment in the making.
    static func isUnfinished(_ name: String) -> Bool {
        guard name.hasSuffix(unfinishedSuffix) else { return false }
        let digits = name.utf8.dropLast(unfinishedSuffix.utf8.count)
        return digits.count >= 10 && digits.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }

    /// Creates a segment with all its blocks and both header copies, under its final name once it is whole.
    ///
    /// Unless `isForced` is false, header and name have reached the disk when this returns. Where huge pages are preferred
    /// the header goes into one: in a small one of its own it would keep the records behind it in small ones for good.
    static func create(
        _ header: SegmentHeader,
        directory: String,
        isForced: Bool,
        prefersHugePages: Bool,
        files: any FileLayer
    ) throws(SystemError) -> Created {
        let path = directory + "/" + name(number: header.number)
        let unfinished = directory + "/" + name(number: header.number).dropLast(suffix.count) + unfinishedSuffix
        do throws(SystemError) {
            let descriptor = try Descriptor(unfinished, flags: O_RDWR | O_CREAT | O_TRUNC, mode: 0o600, files: files)
            try files.allocateFully(descriptor.number, offset: 0, count: header.capacity)
            let mapping = try Mapping(descriptor.number, count: header.capacity, writable: true, files: files)
            if prefersHugePages {
                files.preferHugePages(mapping.base, count: header.capacity, true)
                files.populate(mapping.base, offset: 0, count: Format.recordsStart)
            }
            let bytes = header.encoded()
            for offset in Format.headerOffsets { try files.writeFully(descriptor.number, bytes, at: offset) }
            if isForced { try files.force(descriptor.number, for: .newSegment) }
            let inode = try files.status(of: descriptor.number).inode
            try files.rename(unfinished, to: path)
            do throws(SystemError) {
                if isForced { try files.forceDirectory(directory, for: .newSegmentName) }
            } catch {
                try? files.unlink(path)
                throw error
            }
            return Created(mapping: mapping, path: path, inode: inode)
        } catch {
            try? files.unlink(unfinished)
            throw error
        }
    }

    /// A new segment file and its mapping.
    struct Created: ~Copyable {
        let mapping: Mapping
        let path: String
        let inode: UInt64
    }

    /// Seals a segment behind its last record: the free room goes back to the disk, the footer takes the end.
    ///
    /// Unless `isForced` is false, the footer has reached the disk when this returns; the records must have before.
    ///
    /// `base` is where the file is mapped: the rows are hashed there once they are written. False, and no footer, if the
    /// body says so or has not appended as many as announced.
    static func seal(
        path: String,
        header: SegmentHeader,
        base: UnsafeRawPointer,
        recordEnd: Int,
        rowCount: Int,
        isForced: Bool,
        files: any FileLayer,
        appending body: (inout FooterWriter) throws(SystemError) -> Bool
    ) throws(SystemError) -> Bool {
        let start = header.capacity - Footer.length(rowCount: rowCount)
        // Every reservation left room for its row.
        guard start >= recordEnd else { throw SystemError(call: "footer", number: EOVERFLOW) }
        let descriptor = try Descriptor(path, flags: O_RDWR, files: files)
        try punch(descriptor.number, from: recordEnd, to: start, files: files)
        var writer = FooterWriter(descriptor.number, header: header, rowCount: rowCount, files: files)
        guard try body(&writer), writer.missing == 0 else { return false }
        try writer.flush()
        let trailer = Footer.encodedTrailer(
            rowCount: rowCount,
            rowsHash: XXH3.hash(base + start, count: rowCount * Format.footerRowLength),
            recordEnd: recordEnd,
            for: header,
            boot: isForced ? Footer.recordsForced : files.bootIdentity
        )
        try writer.finish(trailer)
        if isForced { try force(trailer, of: descriptor.number, header, files: files) }
        return true
    }

    /// Says in both copies of the header, one after the other, that the segment's content may be thrown away; that has
    /// reached the disk when this returns.
    static func retire(path: String, files: any FileLayer) throws(SystemError) {
        try files.withFile(path, flags: O_RDWR) { descriptor throws(SystemError) in
            var state = [UInt8](repeating: 0, count: 8)
            state.put(SegmentHeader.spareState, at: 0)
            for offset in Format.headerOffsets {
                try files.writeFully(descriptor, state, at: offset + SegmentHeader.stateOffset)
            }
            try files.force(descriptor, for: .retiredSegment)
        }
    }

    /// Makes another segment of a retired one's file: its blocks are allocated again first, and the header, copy after
    /// copy, makes it count.
    ///
    /// That need not be forced: the first flush of a record in it starts with the page that the headers are in, and until
    /// then the file is one that was given up.
    static func renew(path: String, header: SegmentHeader, files: any FileLayer) throws(SystemError) {
        try files.withFile(path, flags: O_RDWR) { descriptor throws(SystemError) in
            let start = Format.recordsStart
            try files.allocateFully(descriptor, offset: start, count: header.capacity - start)
            let bytes = header.encoded()
            for offset in Format.headerOffsets { try files.writeFully(descriptor, bytes, at: offset) }
        }
    }

    /// Makes a footer that was written without force one that lasts; the records must have reached the disk.
    static func confirm(path: String, header: SegmentHeader, files: any FileLayer) throws(SystemError) {
        try files.withFile(path, flags: O_RDWR) { descriptor throws(SystemError) in
            let offset = header.capacity - Format.footerTrailerLength
            let trailer = try files.bytes(of: descriptor, at: offset, count: Format.footerTrailerLength)
            let found = Footer.trailer(trailer.span.bytes, for: header, boot: files.bootIdentity)
            guard case .valid(_, _, _, let forced) = found, forced != .all else { return }
            if forced == .nothing {
                let vouching = Footer.trailer(trailer, saying: Footer.recordsForced)
                try files.writeFully(descriptor, vouching, at: offset)
            }
            try force(trailer, of: descriptor, header, files: files)
        }
    }

    /// Forces a footer that vouches for its records, and then has it say that it was forced.
    private static func force(
        _ trailer: [UInt8],
        of descriptor: CInt,
        _ header: SegmentHeader,
        files: any FileLayer
    ) throws(SystemError) {
        try files.force(descriptor, for: .footer)
        // Where this fails or is lost the footer counts as before, and another opener forces it once more.
        let forced = Footer.trailer(trailer, saying: Footer.forced)
        try? files.writeFully(descriptor, forced, at: header.capacity - trailer.count)
    }

    /// Takes a footer back so that the segment can be appended to: the hole is allocated again first, and only then is
    /// the footer made invalid.
    ///
    /// The trailer goes first and is forced, so that a half-zeroed footer is never taken for one.
    static func reopen(
        path: String,
        header: SegmentHeader,
        rowCount: Int,
        recordEnd: Int,
        files: any FileLayer
    ) throws(SystemError) {
        let descriptor = try Descriptor(path, flags: O_RDWR, files: files)
        let trailer = header.capacity - Format.footerTrailerLength
        let rows = trailer - rowCount * Format.footerRowLength
        try files.allocateFully(descriptor.number, offset: recordEnd, count: rows - recordEnd)
        try files.writeFully(
            descriptor.number,
            [UInt8](repeating: 0, count: Format.footerTrailerLength),
            at: trailer
        )
        // Whatever the durability: a footer that came back after a power cut would hide what is appended now.
        try files.force(descriptor.number, for: .zeroedTrailer)
        // A record torn there later is told by its checksum, which must read as zero until it is written.
        try files.writeZeros(descriptor.number, from: rows, to: trailer)
    }

    /// Zeroes a range and frees its blocks, or only zeroes it where the file system cannot free them.
    private static func punch(
        _ descriptor: CInt,
        from start: Int,
        to end: Int,
        files: any FileLayer
    ) throws(SystemError) {
        guard end > start else { return }
        do throws(SystemError) {
            try files.punchHole(descriptor, offset: start, count: end - start)
        } catch  where error.number == EOPNOTSUPP {
            try files.writeZeros(descriptor, from: start, to: end)
        }
    }
}
