import CLinux
import Glibc

/// Whole operations made of single calls: short ones are continued.
extension FileLayer {
    /// Reads until the buffer is full or the file ends; returns the bytes read.
    func readFully(
        _ descriptor: CInt,
        into buffer: UnsafeMutableRawBufferPointer,
        at offset: Int
    ) throws(SystemError) -> Int {
        var done = 0
        while done < buffer.count {
            let rest = UnsafeMutableRawBufferPointer(rebasing: buffer[done...])
            let count = try read(descriptor, into: rest, at: offset + done)
            if count == 0 { break }
            done += count
        }
        return done
    }

    /// The `count` bytes at `offset`, or fewer where the file ends.
    func bytes(of descriptor: CInt, at offset: Int, count: Int) throws(SystemError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: count)
        var failure: SystemError?
        let read = bytes.withUnsafeMutableBytes { buffer in
            do throws(SystemError) {
                return try readFully(descriptor, into: buffer, at: offset)
            } catch {
                failure = error
                return 0
            }
        }
        if let failure { throw failure }
        bytes.removeLast(count - read)
        return bytes
    }

    /// Writes all the bytes.
    func writeFully(_ descriptor: CInt, _ bytes: [UInt8], at offset: Int) throws(SystemError) {
        var failure: SystemError?
        bytes.withUnsafeBytes { buffer in
            var done = 0
            do throws(SystemError) {
                while done < buffer.count {
                    let rest = UnsafeRawBufferPointer(rebasing: buffer[done...])
                    let count = try write(descriptor, rest, at: offset + done)
                    if count == 0 { throw SystemError(call: "pwrite", number: EIO) }
                    done += count
                }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }

    /// Allocates disk blocks for a range that holds nothing, so that a full disk shows here and not as a signal in a store
    /// to a mapping.
    ///
    /// Where the file system has no `fallocate`, zeros are written over the range: holes in it look like zeros.
    func allocateFully(_ descriptor: CInt, offset: Int, count: Int) throws(SystemError) {
        do throws(SystemError) {
            try allocate(descriptor, offset: offset, count: count)
        } catch  where error.number == EOPNOTSUPP {
            try writeZeros(descriptor, from: offset, to: offset + count)
        }
    }

    func writeZeros(_ descriptor: CInt, from start: Int, to end: Int) throws(SystemError) {
        let zeros = [UInt8](repeating: 0, count: min(1 << 20, max(0, end - start)))
        var position = start
        while position < end {
            let step = min(zeros.count, end - position)
            try writeFully(descriptor, step == zeros.count ? zeros : Array(zeros[..<step]), at: position)
            position += step
        }
    }

    /// Opens a file, closes it when the body is done.
    func withFile<Result>(
        _ path: String,
        flags: CInt,
        _ body: (CInt) throws(SystemError) -> Result
    ) throws(SystemError) -> Result {
        let descriptor = try open(path, flags: flags, mode: 0)
        defer { close(descriptor) }
        return try body(descriptor)
    }
}
