import Glibc
import Synchronization

/// A thread that runs one step whenever it is woken or its time has come, until it is stopped.
///
/// `@unchecked`: the primitives are made for sharing, and `handle` is touched by `start` and `stop` alone.
final class BackgroundThread: @unchecked Sendable {
    private let mutex = UnsafeMutablePointer<pthread_mutex_t>.allocate(capacity: 1)
    private let condition = UnsafeMutablePointer<pthread_cond_t>.allocate(capacity: 1)
    private let woken = Atomic<Bool>(false)
    private let stopping = Atomic<Bool>(false)
    private let handle = Mutex<pthread_t?>(nil)

    init() {
        pthread_mutex_init(mutex, nil)
        var attributes = pthread_condattr_t()
        pthread_condattr_init(&attributes)
        pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC)
        pthread_cond_init(condition, &attributes)
        pthread_condattr_destroy(&attributes)
    }

    deinit {
        pthread_cond_destroy(condition)
        pthread_mutex_destroy(mutex)
        condition.deallocate()
        mutex.deallocate()
    }

    /// Starts the thread, so much below the process's priority. The step returns how long to sleep unless woken; nil:
    /// until woken.
    ///
    /// Returns false if the system refuses another thread.
    func start(niceness: CInt = 0, step: @escaping @Sendable () -> Duration?) -> Bool {
        let thread = startThread { [self] in
            // On Linux a thread has a niceness of its own.
            if niceness > 0 { _ = nice(niceness) }
            while !stopping.load(ordering: .acquiring) {
                let pause = step()
                wait(atMost: pause)
            }
        }
        handle.withLock { $0 = thread }
        return thread != nil
    }

    /// Wakes the thread; cheap if it is awake already or about to be.
    func wake() {
        if woken.exchange(true, ordering: .acquiringAndReleasing) { return }
        pthread_mutex_lock(mutex)
        pthread_cond_signal(condition)
        pthread_mutex_unlock(mutex)
    }

    /// Somebody waits for the end of the step.
    var isStopping: Bool { stopping.load(ordering: .acquiring) }

    /// Ends the thread after the step it is in, and waits for that, unless the step itself says so.
    func stop() {
        stopping.store(true, ordering: .releasing)
        wake()
        let thread = handle.withLock { handle in
            defer { handle = nil }
            return handle
        }
        guard let thread else { return }
        if pthread_equal(thread, pthread_self()) != 0 {
            pthread_detach(thread)
        } else {
            pthread_join(thread, nil)
        }
    }

    private func wait(atMost pause: Duration?) {
        var deadline = timespec()
        if let pause {
            clock_gettime(CLOCK_MONOTONIC, &deadline)
            // A day is as good as for ever, and adding it cannot overflow.
            let (seconds, attoseconds) = min(pause, .seconds(86_400)).components
            let nanoseconds = deadline.tv_nsec + Int(attoseconds / 1_000_000_000)
            deadline.tv_sec += Int(seconds) + nanoseconds / 1_000_000_000
            deadline.tv_nsec = nanoseconds % 1_000_000_000
        }
        pthread_mutex_lock(mutex)
        while !woken.load(ordering: .acquiring) {
            if pause == nil {
                pthread_cond_wait(condition, mutex)
            } else if pthread_cond_timedwait(condition, mutex, &deadline) == ETIMEDOUT {
                break
            }
        }
        // Exchanged, so that what the waker stored before, that the thread is to stop above all, is seen after this.
        _ = woken.exchange(false, ordering: .acquiringAndReleasing)
        pthread_mutex_unlock(mutex)
    }
}

private final class ThreadBody: Sendable {
    let run: @Sendable () -> Void
    init(_ run: @escaping @Sendable () -> Void) { self.run = run }
}

/// Runs the body on a new thread with all signals blocked, so that the host's handlers never run there.
func startThread(_ body: @escaping @Sendable () -> Void) -> pthread_t? {
    var all = sigset_t()
    var before = sigset_t()
    sigfillset(&all)
    pthread_sigmask(SIG_SETMASK, &all, &before)
    defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
    let context = Unmanaged.passRetained(ThreadBody(body))
    var thread = pthread_t()
    let result = pthread_create(
        &thread,
        nil,
        { @Sendable argument in
            if let argument { Unmanaged<ThreadBody>.fromOpaque(argument).takeRetainedValue().run() }
            return nil
        },
        context.toOpaque()
    )
    guard result == 0 else {
        context.release()
        return nil
    }
    return thread
}

/// Runs the body for every index below `count`, on as many threads as there are processors, and waits for all.
func inParallel(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) {
    // Counting processors reads a file.
    if count == 1 { return body(0) }
    let processors = max(1, min(count, sysconf(CInt(_SC_NPROCESSORS_ONLN))))
    let next = SharedCounter()
    let work: @Sendable () -> Void = {
        while true {
            let index = next.value.wrappingAdd(1, ordering: .relaxed).oldValue
            if index >= count { return }
            body(index)
        }
    }
    let helpers = (1..<max(1, processors)).compactMap { _ in startThread(work) }
    work()
    for helper in helpers { pthread_join(helper, nil) }
}

private final class SharedCounter: Sendable {
    let value = Atomic<Int>(0)
}
