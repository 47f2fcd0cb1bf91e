/// The largest single allocation since the last reset, seen by a hook of the sanitizer's allocator.
///
/// Plain globals, because the hook must not allocate; `nonisolated(unsafe)` because the targets run on one thread.
package enum Allocations {
    nonisolated(unsafe) fileprivate static var largestSeen = 0

    static func startWatching() {
        _ = installHooks(
            { _, count in if count > Allocations.largestSeen { Allocations.largestSeen = count } },
            { _ in }
        )
    }

    /// Forgets what was allocated so far.
    package static func reset() { largestSeen = 0 }

    /// Bytes of the largest allocation since the last reset.
    package static var largest: Int { largestSeen }
}

@_silgen_name("__sanitizer_install_malloc_and_free_hooks")
private func installHooks(
    _ allocated: @convention(c) (UnsafeRawPointer?, Int) -> Void,
    _ freed: @convention(c) (UnsafeRawPointer?) -> Void
) -> CInt
