// The Linux calls and constants that Swift's Glibc module hides, because they need _GNU_SOURCE, and what the language
// itself has no word for.
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
#ifdef __SSE2__
#include <emmintrin.h>
#endif

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

// Starts fetching the first KiB of what a read is about to check, all cache lines at once: the processor's own prefetch
// begins with one and learns the rest by missing.
static inline __attribute__((always_inline)) void granary_prefetch_kilobyte(const void *bytes) {
    for (int line = 0; line < 16; line++) __builtin_prefetch((const char *)bytes + line * 64);
}

// The same for one line that is about to be written.
static inline __attribute__((always_inline)) void granary_prefetch_line(const void *bytes) {
    __builtin_prefetch(bytes, 1);
}

// A bit for each of four 32-bit words that equals the one looked for. Each word is read whole, as other threads may store
// to them meanwhile.
static inline __attribute__((always_inline)) unsigned granary_equal_words(const void *words, unsigned word) {
#if defined(__SSE2__) && !__has_feature(thread_sanitizer)
    // An aligned load of 8 bytes or less is one access on x86-64, and so are the parts of a wider one.
    __m128i equal = _mm_cmpeq_epi32(_mm_loadu_si128((const __m128i *)words), _mm_set1_epi32((int)word));
    // Nothing that follows may be read before it.
    __asm__ volatile("" ::: "memory");
    return (unsigned)_mm_movemask_ps(_mm_castsi128_ps(equal));
#else
    unsigned bits = 0;
    for (int number = 0; number < 4; number++) {
        bits |= (unsigned)(__atomic_load_n((const unsigned *)words + number, __ATOMIC_ACQUIRE) == word) << number;
    }
    return bits;
#endif
}
