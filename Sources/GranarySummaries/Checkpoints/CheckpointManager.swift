internal import FoundationEssentials

/// The outputs of finished stages, kept as files of JSON lines: for a stage that is done, where a cache is for one that is
/// to be done again.
///
/// ```swift
/// let checkpoints = CheckpointManager(directory: ".checkpoints")
/// let fingerprint = CheckpointFingerprint(of: conversations, model: model)
/// if case .usable(let summaries) = try checkpoints.load("summaries", fingerprint) { return summaries }
/// ```
///
/// A file is written beside its place, forced to the disk and renamed. One of other inputs, another model, prompt or
/// schema is never used, and neither is one that is not whole.
public struct CheckpointManager: Sendable {
    /// Where the files are.
    public let directory: String

    /// A manager of the directory, which is created by the first checkpoint.
    public init(directory: String) { self.directory = directory }

    /// What there is of a stage.
    public enum Contents: Sendable, Hashable {
        /// Its output, made of the same.
        case usable([ConversationSummary])
        /// A checkpoint that cannot be used, and why.
        case unusable(reason: String)
        /// None.
        case missing
    }

    /// Keeps the output of a stage, in place of what there was.
    ///
    /// - Throws: `CheckpointError`.
    public func save(
        _ summaries: [ConversationSummary],
        as name: String,
        _ fingerprint: CheckpointFingerprint
    ) throws(CheckpointError) {
        let path = try path(of: name)
        do {
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        } catch {
            throw CheckpointError(path: directory, reason: "the directory cannot be created: \(error)")
        }
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("granary_checkpoint", Self.version)
        writer.member("count", summaries.count)
        writer.member("fingerprint", fingerprint.json)
        writer.endObject()
        writer.endLine()
        for summary in summaries {
            writer.write(summary.checkpointLine)
            writer.endLine()
        }
        do throws(WholeFileError) {
            try WholeFile.replace(path, with: writer.bytes)
        } catch {
            throw CheckpointError(path: error.path, reason: String(describing: error))
        }
    }

    /// The output of a stage, if it was made of the same.
    ///
    /// - Throws: `CheckpointError` for a name that is none, and where the file is there and cannot be read.
    public func load(_ name: String, _ fingerprint: CheckpointFingerprint) throws(CheckpointError) -> Contents {
        let path = try path(of: name)
        guard FileManager.default.fileExists(atPath: path) else { return .missing }
        guard let data = FileManager.default.contents(atPath: path) else {
            throw CheckpointError(path: path, reason: "it cannot be read")
        }
        let lines = Array(data).split(separator: UInt8(ascii: "\n"))
        guard let head = lines.first.flatMap({ try? JSONValue(json: Array($0)) }),
            head["granary_checkpoint"] == .number(JSONNumber(Self.version)),
            case .object(let stored)? = head["fingerprint"], case .number(let count)? = head["count"]
        else { return .unusable(reason: "\(path) is no checkpoint of this version") }
        let differences = fingerprint.differences(from: stored)
        guard differences.isEmpty else {
            return .unusable(reason: "\(path) was made of other \(differences.joined(separator: ", "))")
        }
        var summaries: [ConversationSummary] = []
        for (number, line) in lines.enumerated().dropFirst() {
            guard let summary = (try? JSONValue(json: Array(line))).flatMap(ConversationSummary.init(checkpointLine:))
            else { return .unusable(reason: "\(path) is damaged in line \(number + 1)") }
            summaries.append(summary)
        }
        guard count.intValue == summaries.count else {
            return .unusable(reason: "\(path) has \(summaries.count) of \(count) summaries")
        }
        return .usable(summaries)
    }

    /// The names of all checkpoints, sorted.
    ///
    /// - Throws: `CheckpointError` where the directory is there and cannot be read.
    public func list() throws(CheckpointError) -> [String] {
        guard FileManager.default.fileExists(atPath: directory) else { return [] }
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: directory)
        } catch {
            throw CheckpointError(path: directory, reason: "it cannot be read: \(error)")
        }
        return names.filter { $0.hasSuffix(Self.suffix) }.map { String($0.dropLast(Self.suffix.count)) }
            .filter(Self.isName).sorted()
    }

    /// Removes a checkpoint; false if there was none.
    ///
    /// - Throws: `CheckpointError` for a name that is none, and where the file cannot be removed.
    @discardableResult
    public func delete(_ name: String) throws(CheckpointError) -> Bool {
        let path = try path(of: name)
        guard FileManager.default.fileExists(atPath: path) else { return false }
        do {
            try FileManager.default.removeItem(atPath: path)
        } catch {
            throw CheckpointError(path: path, reason: "it cannot be removed: \(error)")
        }
        return true
    }

    private static let version = 1
    private static let suffix = ".jsonl"

    private func path(of name: String) throws(CheckpointError) -> String {
        guard Self.isName(name) else {
            let reason = "a checkpoint's name has 1 to 100 letters, digits, '.', '_' and '-', and no '.' at its start"
            throw CheckpointError(path: directory, reason: reason)
        }
        return "\(directory)/\(name)\(Self.suffix)"
    }

    /// No other character can leave the directory, hide a file, or mean something to a shell.
    private static func isName(_ name: String) -> Bool {
        (1...100).contains(name.utf8.count) && name.utf8.first != UInt8(ascii: ".")
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }
}

/// What went wrong with a checkpoint.
public struct CheckpointError: Error, Sendable, Hashable, CustomStringConvertible {
    /// The file or directory.
    public var path: String
    /// What happened.
    public var reason: String

    /// One line that names both.
    public var description: String { reason.hasPrefix(path) ? reason : "\(path): \(reason)" }
}

extension ConversationSummary {
    fileprivate var checkpointLine: JSONValue {
        var line: JSONObject = ["chat_id": .string(chatID)]
        if let metadata { line.set(.object(metadata), for: "metadata") }
        line.set(content.json, for: "content")
        return .object(line)
    }

    fileprivate init?(checkpointLine line: JSONValue) {
        guard case .string(let chatID)? = line["chat_id"], let content = line["content"].flatMap(SummaryContent.init)
        else { return nil }
        self.init(content, of: Conversation(chatID: chatID, messages: []))
        switch line["metadata"] {
        case .object(let metadata)?: self.metadata = metadata
        case nil: metadata = nil
        default: return nil
        }
    }
}
