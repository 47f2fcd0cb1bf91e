import Foundation
import Synchronization

/// One resource for each thread that asks: made when there is none to spare, kept until the thread ends, then free for
/// another. Finding a thread's own takes a few nanoseconds, which a pool behind a lock would not.
///
/// `@unchecked`: the key is set once, in the initialiser.
final class PerThread<Resource: AnyObject & Sendable>: @unchecked Sendable {
    private var key = pthread_key_t()
    private let make: @Sendable () throws -> Resource
    private let resources = Mutex<(all: [Resource], idle: [Resource])>(([], []))

    init(_ make: @escaping @Sendable () throws -> Resource) throws {
        self.make = make
        let code = pthread_key_create(&key) { lease in
            if let lease { Unmanaged<AnyObject>.fromOpaque(lease).release() }
        }
        guard code == 0 else { throw BenchError("no thread-specific data: \(String(cString: strerror(code)))") }
    }

    @inline(__always)
    func with<Result>(_ body: (Resource) throws -> Result) throws -> Result {
        if let own = pthread_getspecific(key) {
            return try Unmanaged<Lease<Resource>>.fromOpaque(own)._withUnsafeGuaranteedRef { try body($0.resource) }
        }
        return try body(try take())
    }

    private func take() throws -> Resource {
        let resource: Resource
        if let idle = resources.withLock({ $0.idle.popLast() }) {
            resource = idle
        } else {
            resource = try make()
            resources.withLock { $0.all.append(resource) }
        }
        pthread_setspecific(key, Unmanaged.passRetained(Lease(resource, self)).toOpaque())
        return resource
    }

    fileprivate func giveBack(_ resource: Resource) { resources.withLock { $0.idle.append(resource) } }

    /// All that were made, for closing them.
    var all: [Resource] { resources.withLock { $0.all } }
}

/// Gives its resource back when the thread that held it ends.
private final class Lease<Resource: AnyObject & Sendable> {
    let resource: Resource
    private let owner: PerThread<Resource>

    init(_ resource: Resource, _ owner: PerThread<Resource>) {
        self.resource = resource
        self.owner = owner
    }

    deinit { owner.giveBack(resource) }
}
