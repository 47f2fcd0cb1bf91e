import Foundation

/// Where the worker in Python is, which measures diskcache itself: `diskcache/worker.py` of this package, run by the
/// interpreter of the virtual environment beside it.
enum DiskcacheDriver {
    private static let directory: String = {
        var place = WorkerProcess.executable.deletingLastPathComponent()
        while place.path != "/" {
            let candidate = place.appendingPathComponent("diskcache")
            if FileManager.default.fileExists(atPath: candidate.path + "/worker.py") { return candidate.path }
            place.deleteLastPathComponent()
        }
        return "diskcache"
    }()

    static var script: String { directory + "/worker.py" }
    static var interpreter: String { directory + "/.build-venv/bin/python3" }

    /// The file with the lengths and texts that keys and values are made from, which is written beside the cache's
    /// directory unless it is there.
    static func dataset(beside directory: String) throws -> String {
        let file = URL(fileURLWithPath: directory).deletingLastPathComponent().path + "/dataset"
        if !FileManager.default.fileExists(atPath: file) { try Dataset().write(to: file) }
        return file
    }

    static var whyMissing: String? {
        if FileManager.default.isExecutableFile(atPath: interpreter) { return nil }
        return "there is no \(interpreter); run diskcache/prepare, which makes it with diskcache 5.6.3 inside"
    }
}
