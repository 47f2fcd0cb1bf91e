import Foundation

/// A page of the documentation, whose code a test file runs.
struct Article {
    /// The lines of each Swift code block.
    let codeBlocks: [[Substring]]

    /// The page at a path from the top of the repository, whose `Tests` folder the test file lies in.
    init(_ path: String, testFile: String) throws {
        // The test file may have been reached through a link.
        let test = URL(fileURLWithPath: testFile).resolvingSymlinksInPath()
        let top = test.deletingLastPathComponent().deletingLastPathComponent().deletingLastPathComponent()
        let text = try String(contentsOf: top.appending(path: path), encoding: .utf8)
        var blocks: [[Substring]] = []
        var block: [Substring]?
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if let lines = block {
                if line == "```" { blocks.append(lines) }
                block = line == "```" ? nil : lines + [line]
            } else if line == "```swift" {
                block = []
            }
        }
        codeBlocks = blocks
    }

    /// The first lines of the blocks that the test file does not have line by line, at whatever indentation.
    func codeMissing(from testFile: String) throws -> [String] {
        let source = try String(contentsOfFile: testFile, encoding: .utf8)
            .split(separator: "\n", omittingEmptySubsequences: false)
        return codeBlocks.filter { block in
            !source.indices.contains { Self.matches(block, source[$0...]) }
        }.map { String($0.first ?? "") }
    }

    private static func matches(_ block: [Substring], _ source: ArraySlice<Substring>) -> Bool {
        guard let first = block.first, let start = source.first, start.hasSuffix(first) else { return false }
        let indentation = start.dropLast(first.count)
        guard indentation.allSatisfy({ $0 == " " }), source.count >= block.count else { return false }
        return zip(block, source).allSatisfy { $0.isEmpty ? $1.isEmpty : $1 == indentation + $0 }
    }
}
