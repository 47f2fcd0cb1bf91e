import Glibc

@_silgen_name("LLVMFuzzerRunDriver")
private func runDriver(
    _ argumentCount: UnsafeMutablePointer<CInt>,
    _ arguments: UnsafeMutablePointer<UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>>,
    _ body: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
) -> CInt

/// One executable of libFuzzer: without more, it fuzzes; `seeds DIRECTORY` writes the inputs that a corpus grows from.
package enum FuzzTarget {
    package static func run(
        seeds: () throws -> [[UInt8]],
        _ body: @convention(c) (UnsafePointer<UInt8>?, Int) -> CInt
    ) {
        if CommandLine.arguments.count == 3, CommandLine.arguments[1] == "seeds" {
            do {
                try write(seeds(), to: CommandLine.arguments[2])
            } catch {
                fail("the seeds could not be made: \(error)")
            }
            return
        }
        Allocations.startWatching()
        var count = CommandLine.argc
        var arguments = CommandLine.unsafeArgv
        exit(runDriver(&count, &arguments, body))
    }

    private static func write(_ seeds: [[UInt8]], to directory: String) throws {
        for (number, seed) in seeds.enumerated() {
            let path = "\(directory)/seed-\(number)"
            guard let file = fopen(path, "w") else { fail("\(path) cannot be written") }
            defer { fclose(file) }
            guard fwrite(seed, 1, seed.count, file) == seed.count else { fail("\(path) cannot be written") }
        }
    }
}

/// Ends the run as a crash does, so that libFuzzer keeps the input.
package func fail(_ message: String) -> Never {
    let line = Array("wrong: \(message)\n".utf8)
    _ = line.withUnsafeBytes { write(STDERR_FILENO, $0.baseAddress, $0.count) }
    abort()
}

/// Something that holds for every input.
@inline(__always)
package func check(_ holds: Bool, _ message: @autoclosure () -> String) {
    if !holds { fail(message()) }
}

/// Equality by `memcmp`: a loop over bytes would be most of what an instrumented execution costs.
package func areEqual(_ left: UnsafeRawBufferPointer, _ right: UnsafeRawBufferPointer) -> Bool {
    guard left.count == right.count else { return false }
    guard let first = left.baseAddress, let second = right.baseAddress else { return true }
    return memcmp(first, second, left.count) == 0
}

/// The same for arrays, of which either may be missing.
package func areEqual(_ left: [UInt8]?, _ right: [UInt8]?) -> Bool {
    guard let left, let right else { return left == nil && right == nil }
    return left.withUnsafeBytes { first in right.withUnsafeBytes { areEqual(first, $0) } }
}
