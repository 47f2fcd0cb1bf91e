import FoundationEssentials
import Glibc

/// What a directory takes on the disk, its files included: what `du` counts.
struct DirectorySize {
    private let path: String
    private let before: Int

    init(of path: String) {
        self.path = path
        before = Self.bytes(of: path)
    }

    /// Bytes by which it has become smaller since.
    var shrinkage: Int { max(0, before - Self.bytes(of: path)) }

    private static func bytes(of path: String) -> Int {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        return ([path] + names.map { path + "/" + $0 }).reduce(0) { sum, path in
            var status = stat()
            return stat(path, &status) == 0 ? sum + Int(status.st_blocks) * 512 : sum
        }
    }
}
