// Tells ThreadSanitizer what it cannot see of Swift's Mutex.
//
// A Mutex that nobody holds is taken and let go by an atomic exchange in the caller's own code, which is instrumented.
// A contended one is taken and let go inside libswiftSynchronization and the kernel, which are not: the sanitizer would
// miss that the second owner comes after the first, and call everything the Mutex guards a race. These two functions
// stand before the library's, call them, and say which owner came after which. They hide no access and no report.
#if defined(__has_feature)
#if __has_feature(thread_sanitizer)

#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdint.h>
#include <stdlib.h>

#define LOCK "$s15Synchronization12_MutexHandleV9_lockSlowyys6UInt32VF"
#define UNLOCK "$s15Synchronization12_MutexHandleV11_unlockSlowyyF"
#define SWIFT __attribute__((swiftcall))
#define SELF __attribute__((swift_context))

void __tsan_acquire(void *address);
void __tsan_release(void *address);

typedef SWIFT void (*Lock)(uint32_t thread, SELF void *handle);
typedef SWIFT void (*Unlock)(SELF void *handle);

SWIFT void tracedLock(uint32_t thread, SELF void *handle) __asm__(LOCK);
SWIFT void tracedUnlock(SELF void *handle) __asm__(UNLOCK);

static Lock libraryLock;
static Unlock libraryUnlock;

__attribute__((constructor)) static void findLibrary(void) {
    libraryLock = (Lock)dlsym(RTLD_NEXT, LOCK);
    libraryUnlock = (Unlock)dlsym(RTLD_NEXT, UNLOCK);
    // Without them every report would be in doubt.
    if (!libraryLock || !libraryUnlock) abort();
}

SWIFT void tracedLock(uint32_t thread, SELF void *handle) {
    libraryLock(thread, handle);
    __tsan_acquire(handle);
}

SWIFT void tracedUnlock(SELF void *handle) {
    __tsan_release(handle);
    libraryUnlock(handle);
}

#endif
#endif
