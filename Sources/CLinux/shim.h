// The Linux calls and constants that Swift's Glibc module hides, because they need _GNU_SOURCE.
#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/magic.h>
#include <linux/membarrier.h>
#include <sched.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#ifndef NFS_SUPER_MAGIC
#define NFS_SUPER_MAGIC 0x6969
#endif

// fcntl is variadic, which Swift cannot call with a structure it did not import from the same module.
static inline int granary_lock(int descriptor, int command, struct flock *lock) {
    return fcntl(descriptor, command, lock);
}

// The C library has no name for this call, and syscall is variadic.
static inline int granary_membarrier(int command) {
    return (int)syscall(__NR_membarrier, command, 0, 0);
}

// Keeps the compiler from moving memory accesses across; costs no instruction.
static inline __attribute__((always_inline)) void granary_compiler_fence(void) {
    __asm__ volatile("" ::: "memory");
}
