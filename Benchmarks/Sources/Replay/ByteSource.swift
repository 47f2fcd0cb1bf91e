import CLZMA
import CZlib
import Glibc

/// A file's bytes, unpacked as they are read.
protocol ByteSource: AnyObject {
    /// Reads on into the buffer and says how many bytes there were; zero at the end.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int
}

/// Opens the file as what its first bytes say it is: xz, gzip, or plain.
func openByteSource(_ path: String) throws -> any ByteSource {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else { throw ReplayError("\(path): \(systemMessage()); name a file that can be read") }
    var magic = [UInt8](repeating: 0, count: 6)
    let count = pread(descriptor, &magic, magic.count, 0)
    // What cannot be read at a place, as a pipe, is taken for plain or gzip, which zlib tells apart.
    if count == magic.count && magic == [0xFD, 0x37, 0x7A, 0x58, 0x5A, 0x00] {
        return try XZSource(path, descriptor)
    }
    return try GzipSource(path, descriptor)
}

private func systemMessage() -> String { String(cString: strerror(errno)) }

/// A plain file, or one of gzip members (RFC 1952), whose checksums zlib checks.
private final class GzipSource: ByteSource {
    private let path: String
    /// Nil once it was closed.
    private var file: gzFile?

    /// Takes the descriptor over.
    init(_ path: String, _ descriptor: CInt) throws {
        self.path = path
        file = gzdopen(descriptor, "r")
        guard file != nil else {
            close(descriptor)
            throw ReplayError("\(path): no memory to unpack it")
        }
        gzbuffer(file, 128 << 10)
    }

    deinit { if let file { gzclose_r(file) } }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        guard let open = file else { return 0 }
        let count = gzread(open, buffer.baseAddress, UInt32(buffer.count))
        if count > 0 { return Int(count) }
        if count < 0 {
            var number: CInt = 0
            let message = gzerror(open, &number)
            let text = number == Z_ERRNO ? systemMessage() : message.map { String(cString: $0) } ?? "unknown error"
            throw ReplayError("\(path): \(text); the file is damaged or no gzip file")
        }
        file = nil
        // A file that ends in the middle of a member says so only here.
        guard gzclose_r(open) == Z_OK else { throw ReplayError("\(path): it ends in the middle; fetch it again") }
        return 0
    }
}

/// A file of xz streams, whose checksums liblzma checks.
private final class XZSource: ByteSource {
    private static let memoryLimit: UInt64 = 1 << 30
    private let path: String
    private let descriptor: CInt
    private var decoder = lzma_stream()
    private let packed = UnsafeMutableRawBufferPointer.allocate(byteCount: 128 << 10, alignment: 16)
    private var isAtEnd = false

    /// Takes the descriptor over.
    init(_ path: String, _ descriptor: CInt) throws {
        self.path = path
        self.descriptor = descriptor
        try check(lzma_stream_decoder(&decoder, Self.memoryLimit, CLZMA_CONCATENATED))
    }

    deinit {
        lzma_end(&decoder)
        packed.deallocate()
        close(descriptor)
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        decoder.next_out = buffer.baseAddress?.assumingMemoryBound(to: UInt8.self)
        decoder.avail_out = buffer.count
        var isLast = false
        while decoder.avail_out > 0 && !isAtEnd {
            if decoder.avail_in == 0 && !isLast {
                let count = Glibc.read(descriptor, packed.baseAddress, packed.count)
                guard count >= 0 else { throw ReplayError("\(path): \(systemMessage())") }
                decoder.next_in = UnsafePointer(packed.baseAddress?.assumingMemoryBound(to: UInt8.self))
                decoder.avail_in = count
                isLast = count == 0
            }
            let result = lzma_code(&decoder, isLast ? LZMA_FINISH : LZMA_RUN)
            if result == LZMA_STREAM_END { isAtEnd = true } else { try check(result) }
        }
        return buffer.count - decoder.avail_out
    }

    private func check(_ result: lzma_ret) throws {
        switch result {
        case LZMA_OK: return
        case LZMA_BUF_ERROR: throw ReplayError("\(path): it ends in the middle; fetch it again")
        case LZMA_MEMLIMIT_ERROR: throw ReplayError("\(path): unpacking it takes more than 1 GiB of memory")
        case LZMA_MEM_ERROR: throw ReplayError("\(path): no memory to unpack it")
        default: throw ReplayError("\(path): the xz data is damaged (liblzma says \(result.rawValue))")
        }
    }
}
