/// A value that diskcache keeps in a file beside its database.
enum ValueFile {
    /// Why such a file was not read.
    enum Failure: Error, Equatable {
        /// The path leads, or could lead, out of the cache's directory, or to something else than a file.
        case refused
        case missing
        case tooLarge
        case unreadable(String)
    }

    /// diskcache makes two directories and a name.
    private static let depthLimit = 8

    /// The file's bytes, at most so many.
    ///
    /// Each part of the path is opened in the one before it and no symbolic link is followed, so that what is read lies
    /// in the directory whatever anybody does to it meanwhile.
    static func bytes(at path: String, in directory: OpenFile, limit: Int) throws(Failure) -> [UInt8] {
        guard let parts = parts(of: path) else { throw .refused }
        do throws(KuraImportError) {
            var place = directory
            for (number, part) in parts.enumerated() {
                guard let next = try OpenFile(part, in: place, isDirectory: number < parts.count - 1) else {
                    throw KuraImportError(.notFound, path: path, detail: "it is not there")
                }
                place = next
            }
            let size = try place.state().byteCount
            guard size <= limit else { throw KuraImportError(.noSpace, path: path, detail: "it is too large") }
            return try place.bytes(at: 0, count: size)
        } catch {
            switch error.code {
            case .refused: throw .refused
            case .notFound: throw .missing
            case .noSpace: throw .tooLarge
            default: throw .unreadable(error.description)
            }
        }
    }

    /// The names that the path leads through; nil where one of them is no name, as behind a leading slash.
    ///
    /// As bytes: what follows a slash may make it another character for Swift, and not for the system.
    private static func parts(of path: String) -> [String]? {
        let parts = Array(path.utf8).split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false)
        let refused = ["", ".", ".."].map { ArraySlice($0.utf8) }
        guard parts.count <= depthLimit, !parts.contains(where: { refused.contains($0) || $0.contains(0) }) else {
            return nil
        }
        return parts.map { String(decoding: $0, as: UTF8.self) }
    }
}
