import CLinux
import Glibc

/// The store's write lock: an OFD lock on the file `lock`, which the kernel drops when its holder dies and which
/// excludes a second opener in the same process too.
///
/// The file's text is for people, and a hint of the directory's id; the lock itself is the kernel's:
///
///     granary lock 1
///     directory 0123456789abcdef0123456789abcdef
///     pid 4711
///     host example
///     since 1767225600
struct DirectoryLock: ~Copyable, Sendable {
    static let fileName = "lock"

    private let descriptor: Descriptor
    private let files: any FileLayer
    private let forkGuard = ForkGuard()

    /// Takes the lock in the directory; throws `.locked` with the holder if another opener has it.
    init(directory: String, files: any FileLayer) throws(StoreError) {
        descriptor = try Self.acquire(directory, files: files)
        self.files = files
    }

    private static func acquire(_ directory: String, files: any FileLayer) throws(StoreError) -> Descriptor {
        let path = directory + "/" + fileName
        do throws(SystemError) {
            // Opening a FIFO would wait for its other end.
            let descriptor = try Descriptor(path, flags: O_RDWR | O_CREAT | O_NONBLOCK, mode: 0o600, files: files)
            guard try files.status(of: descriptor.number).isRegularFile else {
                throw SystemError(call: "open", number: EISDIR)
            }
            let number = descriptor.number
            if try files.lock(number) { return descriptor }
        } catch {
            guard [EISDIR, ENXIO, ENODEV, ELOOP].contains(error.number) else {
                throw StoreError(error, path: path, doing: "taking the write lock")
            }
            throw StoreError(
                .inputOutput,
                path: path,
                number: error.number,
                detail: "what is called lock here is no regular file and cannot be locked; remove it"
            )
        }
        let holder = (try? text(inDirectory: directory, files: files))?.holder
        let name = holder.map { "process \($0.processID) on \($0.host)" } ?? "another process"
        throw StoreError(
            .locked,
            path: directory,
            holder: holder,
            detail: "\(name) has the store open for writing; let it finish, or open read-only"
        )
    }

    deinit {
        // Closing the descriptor would leave the lock to a child that was forked meanwhile and has yet to start its program;
        // in the child itself the lock is its parent's.
        if !forkGuard.isForkedChild { files.unlock(descriptor.number) }
    }

    /// Writes the holder and the directory's id into the file; a failure costs only the hint.
    func describe(directory: DirectoryID, now: UInt64) {
        var name = [CChar](repeating: 0, count: 256)
        gethostname(&name, name.count - 1)
        let host = name.withUnsafeBytes { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        let text = """
            granary lock 1
            directory \(LockText.hex(directory.high))\(LockText.hex(directory.low))
            pid \(getpid())
            host \(host)
            since \(now / 1_000)

            """
        let padded = Array(text.utf8) + [UInt8](repeating: UInt8(ascii: "\n"), count: max(0, 160 - text.utf8.count))
        try? files.writeFully(descriptor.number, padded, at: 0)
    }

    /// The directory's id as the lock file has it, for a first guess at which segments belong here.
    static func directoryHint(inDirectory directory: String, files: any FileLayer) throws(StoreError) -> DirectoryID? {
        try text(inDirectory: directory, files: files)?.directory
    }

    private static func text(inDirectory directory: String, files: any FileLayer) throws(StoreError) -> LockText? {
        guard let descriptor = try existing(inDirectory: directory, files: files) else { return nil }
        return LockText(descriptor.number, files: files)
    }

    /// True if a writer has the directory open.
    static func isHeld(inDirectory directory: String, files: any FileLayer) throws(StoreError) -> Bool {
        guard let descriptor = try existing(inDirectory: directory, files: files) else { return false }
        do throws(SystemError) {
            return try files.isLocked(descriptor.number)
        } catch {
            throw StoreError(error, path: directory + "/" + fileName, doing: "asking for the write lock")
        }
    }

    /// The lock file, to look at; nil if there is none, or something that no writer can hold.
    private static func existing(
        inDirectory directory: String,
        files: any FileLayer
    ) throws(StoreError) -> Descriptor? {
        let path = directory + "/" + fileName
        do throws(SystemError) {
            // Opening a FIFO would wait for its other end.
            let descriptor = try Descriptor(path, flags: O_RDONLY | O_NONBLOCK, files: files)
            guard try files.status(of: descriptor.number).isRegularFile else { return nil }
            return descriptor
        } catch  where [ENOENT, ENXIO, ENODEV, ELOOP].contains(error.number) {
            return nil
        } catch {
            // Taken for unlocked, a store that is being written to would show records as torn.
            throw StoreError(error, path: path, doing: "reading the lock file")
        }
    }
}

/// The text of a lock file, as far as it can be read.
private struct LockText {
    var directory: DirectoryID?
    var holder: LockHolder?

    init(_ descriptor: CInt, files: any FileLayer) {
        guard let bytes = try? files.bytes(of: descriptor, at: 0, count: 1_024) else { return }
        var fields: [Substring: Substring] = [:]
        let text = String(decoding: bytes, as: UTF8.self)
        for line in text.split(separator: "\n") {
            guard let space = line.firstIndex(of: " ") else { continue }
            fields[line[..<space]] = line[line.index(after: space)...]
        }
        if let hex = fields["directory"], hex.utf8.count == 32, let high = UInt64(hex.prefix(16), radix: 16),
            let low = UInt64(hex.suffix(16), radix: 16)
        {
            directory = DirectoryID(low: low, high: high)
        }
        if let pid = fields["pid"].flatMap({ Int($0) }), let since = fields["since"].flatMap({ Int($0) }) {
            holder = LockHolder(processID: pid, host: fields["host"].map(String.init) ?? "", since: since)
        }
    }

    static func hex(_ value: UInt64) -> String {
        let text = String(value, radix: 16)
        return String(repeating: "0", count: 16 - text.count) + text
    }
}
