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
#include <string.h>
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

#ifdef __SSE2__
// The bits in which two places differ, 16 bytes each.
static inline __attribute__((always_inline)) __m128i granary_difference(const char *left, const char *right) {
    return _mm_xor_si128(_mm_loadu_si128((const __m128i *)left), _mm_loadu_si128((const __m128i *)right));
}
#endif

// As memcmp for equality. Digests and what else is 16 to 64 bytes long, as most keys are, cost no call: what is compared
// from the end overlaps what is compared from the start.
static inline __attribute__((always_inline)) _Bool granary_equal_bytes(
    const void *left_bytes, const void *right_bytes, unsigned long count) {
#if defined(__SSE2__) && !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)
    if (count - 16 <= 48) {
        const char *left = (const char *)left_bytes, *right = (const char *)right_bytes;
        unsigned long end = count - 16;
        __m128i difference = _mm_or_si128(granary_difference(left, right), granary_difference(left + end, right + end));
        if (count > 32) {
            difference = _mm_or_si128(difference, granary_difference(left + 16, right + 16));
            difference = _mm_or_si128(difference, granary_difference(left + end - 16, right + end - 16));
        }
        return _mm_movemask_epi8(_mm_cmpeq_epi8(difference, _mm_setzero_si128())) == 0xFFFF;
    }
#endif
    return memcmp(left_bytes, right_bytes, count) == 0;
}
