import SegmentStore

/// The codes that the command ends with.
enum ExitStatus: Int32 {
    case done = 0
    case failed = 1
    case notFound = 2
    case damageFound = 3
    case badUsage = 64
}

/// The end of a command that did not do what it was asked.
struct CommandFailure: Error {
    var status: ExitStatus
    /// Said on standard error; nil: everything was said.
    var message: String?

    init(_ status: ExitStatus, _ message: String? = nil) {
        self.status = status
        self.message = message
    }

    /// The failure that a store's error is to its user.
    init(_ error: StoreError) {
        let isUsage = error.code == .invalidKey || error.code == .invalidTag
        self.init(isUsage ? .badUsage : .failed, error.description)
    }
}

/// Runs the body; its store errors become failures.
func reporting<Result>(_ body: () throws(StoreError) -> Result) throws(CommandFailure) -> Result {
    do throws(StoreError) {
        return try body()
    } catch {
        throw CommandFailure(error)
    }
}
