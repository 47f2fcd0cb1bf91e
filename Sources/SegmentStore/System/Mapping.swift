import Glibc

/// Owns a shared mapping of a whole file and unmaps it.
///
/// `@unchecked`: the memory is the file's, and the rules of who may write where are the reservation's (writers own
/// what they reserved until they publish it; published bytes never change).
struct Mapping: ~Copyable, @unchecked Sendable {
    let base: UnsafeMutableRawPointer
    let count: Int
    private let files: any FileLayer

    init(_ descriptor: CInt, count: Int, writable: Bool, files: any FileLayer) throws(SystemError) {
        self.files = files
        self.count = count
        base = try files.map(descriptor, count: count, writable: writable)
    }

    deinit {
        files.unmap(base, count: count)
    }
}

extension FileLayer {
    /// Maps the first `count` bytes of the file for reading; `mayWrite` leaves `protect` the choice to allow stores.
    func mapping(of path: String, count: Int, mayWrite: Bool) throws(SystemError) -> Mapping {
        let descriptor = try Descriptor(path, flags: mayWrite ? O_RDWR : O_RDONLY, files: self)
        return try Mapping(descriptor.number, count: count, writable: false, files: self)
    }
}
