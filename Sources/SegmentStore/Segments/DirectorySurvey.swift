import Glibc

/// What lies in a store's directory: its segments by number, and what is none of its own. Reads headers alone.
struct DirectorySurvey {
    /// A file whose header holds and which belongs to this directory.
    struct File: Sendable {
        var path: String
        var header: SegmentHeader
        var damagedHeaders: [Int]
        var isSpare: Bool
        var length: Int
        var inode: UInt64
    }

    private(set) var files: [File] = []
    private(set) var findings: [Finding] = []
    /// Segments that a writer died making.
    private(set) var unfinished: [String] = []
    private(set) var identity: Identity?
    /// The highest number of any header or file name here; new segments are numbered above.
    private(set) var highestNumber: UInt64 = 0

    /// What all segments of a directory have in common.
    struct Identity: Sendable, Hashable {
        var directory: DirectoryID
        var keyHashSeed: UInt64
    }

    /// Whose segments count.
    enum Owner {
        /// The store that is open.
        case known(Identity)
        /// Among those of the hinted directory, or all where it has none here: whose segments are the most, else the
        /// oldest.
        case found(hint: DirectoryID?)
    }

    /// Reads the directory. Throws `.unsupportedFormat`, and has touched nothing then.
    init(_ directory: String, owner: Owner, files layer: any FileLayer) throws(StoreError) {
        let names: [String]
        do throws(SystemError) {
            names = try layer.names(inDirectory: directory).sorted()
        } catch {
            throw StoreError(error, path: directory, doing: "reading the directory")
        }
        var candidates: [File] = []
        for name in names {
            let path = directory + "/" + name
            if SegmentFile.isUnfinished(name) { unfinished.append(path) }
            guard name.hasSuffix(SegmentFile.suffix) else { continue }
            let named = UInt64(name.dropLast(SegmentFile.suffix.count))
            // A name is a hint at most, and an absurd one is none.
            highestNumber = max(highestNumber, named.map { $0 > Format.highestNamedNumber ? 0 : $0 } ?? 0)
            let pair: HeaderPair
            let status: FileStatus
            switch try Self.look(path, isNumbered: named != nil, files: layer) {
            case .nothing: continue
            case .noSegment(let reason):
                findings.append(.noSegment(path, reason))
                continue
            case .file(let found, let foundStatus): (pair, status) = (found, foundStatus)
            }
            if let reason = pair.unsupportedReason {
                throw StoreError(
                    .unsupportedFormat,
                    path: path,
                    detail: "\(reason); use a newer version of the library, or another directory"
                )
            }
            guard let header = pair.header else {
                findings.append(.unreadable(path, length: status.length, isNumbered: named != nil))
                continue
            }
            candidates.append(
                File(
                    path: path,
                    header: header,
                    damagedHeaders: pair.damagedOffsets,
                    isSpare: pair.isSpare,
                    length: status.length,
                    inode: status.inode
                )
            )
        }
        choose(from: candidates, owner: owner)
    }

    /// True if the same segments live in the same files. A writer may use a file again while others are looked at, and what
    /// moved from one that was not yet looked at to one that already had been would be missed.
    func shows(sameSegmentsAs other: DirectorySurvey) -> Bool {
        files.elementsEqual(other.files) {
            $0.path == $1.path && $0.header.number == $1.header.number
                && $0.header.generation == $1.header.generation && $0.isSpare == $1.isSpare
        }
    }

    private mutating func choose(from candidates: [File], owner: Owner) {
        identity =
            switch owner {
            case .known(let identity): identity
            case .found(let hint): Self.identity(of: candidates, hint: hint)
            }
        var numbers: Set<UInt64> = []
        for file in candidates.sorted(by: Self.comesFirst) {
            guard let identity, file.header.identity == identity else {
                findings.append(.foreign(file, "it belongs to another directory"))
                continue
            }
            guard numbers.insert(file.header.number).inserted else {
                findings.append(.foreign(file, "another file here has its number \(file.header.number)"))
                continue
            }
            highestNumber = max(highestNumber, file.header.number)
            files.append(file)
        }
    }

    /// By number; of files with one number, the one that has the name it was made under is the original.
    private static func comesFirst(_ left: File, _ right: File) -> Bool {
        func rank(_ file: File) -> (UInt64, Int, String) {
            let isOriginal = file.path.hasSuffix("/" + SegmentFile.name(number: file.header.number))
            return (file.header.number, isOriginal ? 0 : 1, file.path)
        }
        return rank(left) < rank(right)
    }

    private static func identity(of candidates: [File], hint: DirectoryID?) -> Identity? {
        let hinted = candidates.filter { $0.header.directory == hint }
        var counts: [Identity: (count: Int, oldest: UInt64)] = [:]
        for file in hinted.isEmpty ? candidates : hinted {
            let seen = counts[file.header.identity] ?? (0, .max)
            counts[file.header.identity] = (seen.count + 1, min(seen.oldest, file.header.created))
        }
        let best = counts.max { left, right in
            // Ids settle what counts and ages leave open, so that the choice never depends on a dictionary's order.
            let (first, second) = (left.key, right.key)
            return (
                left.value.count, right.value.oldest, first.directory.low, first.directory.high, first.keyHashSeed
            ) < (
                right.value.count, left.value.oldest, second.directory.low, second.directory.high, second.keyHashSeed
            )
        }
        return best?.key
    }

    private enum Look {
        case file(HeaderPair, FileStatus)
        /// It has just gone.
        case nothing
        /// What it is instead.
        case noSegment(String)
    }

    /// Reads both header copies of a file. What cannot be a segment must not keep the store from opening.
    private static func look(
        _ path: String,
        isNumbered: Bool,
        files: any FileLayer
    ) throws(StoreError) -> Look {
        do throws(SystemError) {
            // Opening a FIFO would wait for its other end.
            let descriptor = try Descriptor(path, flags: O_RDONLY | O_NONBLOCK, files: files)
            let status = try files.status(of: descriptor.number)
            guard status.isRegularFile else { return .noSegment("it is no regular file") }
            var pair = HeaderPair(.unreadable, .unreadable)
            // A copy caught half-written beside a writer is whole a moment later.
            for _ in 0..<3 {
                let bytes = try files.bytes(of: descriptor.number, at: 0, count: Format.recordsStart)
                pair = HeaderPair(startOfFile: bytes.span.bytes)
                if pair.damagedOffsets.isEmpty { break }
            }
            return .file(pair, status)
        } catch {
            switch error.number {
            case ENOENT: return .nothing
            case ELOOP: return .noSegment("it is a link that leads nowhere")
            case ENXIO, ENODEV: return .noSegment("it is no regular file")
            case EACCES, EPERM:
                // Under a number of a segment it is likely to be one, and going on without it would lose its keys.
                if !isNumbered { return .noSegment("it may not be read") }
            default: break
            }
            throw StoreError(error, path: path, doing: "reading the segment's header")
        }
    }
}

extension SegmentHeader {
    var identity: DirectorySurvey.Identity { .init(directory: directory, keyHashSeed: keyHashSeed) }
}

extension Finding {
    fileprivate static func unreadable(_ path: String, length: Int, isNumbered: Bool) -> Finding {
        Finding(
            kind: isNumbered ? .unreadableSegment : .foreignSegment,
            path: path,
            offset: 0,
            length: length,
            loss: isNumbered
                ? "neither copy of its header can be read: if it was a segment, its records are lost; it was left alone"
                : "it is no segment, whatever its name; it was left alone"
        )
    }

    fileprivate static func noSegment(_ path: String, _ reason: String) -> Finding {
        Finding(kind: .foreignSegment, path: path, offset: 0, length: 0, loss: "\(reason); it was left alone")
    }

    fileprivate static func foreign(_ file: DirectorySurvey.File, _ reason: String) -> Finding {
        Finding(
            kind: .foreignSegment,
            path: file.path,
            offset: 0,
            length: file.length,
            loss: "\(reason); it was left alone"
        )
    }
}
