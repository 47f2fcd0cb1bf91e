// XXH3. Short inputs, keys above all, are hashed by code that is inlined from the header, which costs no call. Long ones
// go to libxxhash, which takes the widest vectors that the processor has (AVX2, AVX-512): a value's checksum is most of
// what a read computes. Both give the same hash.
#define XXH_INLINE_ALL
#include <xxhash.h>

// A sanitizer sees what is compiled here and not what the library does.
#if defined(__x86_64__) && !__has_feature(address_sanitizer) && !__has_feature(thread_sanitizer)
#define GRANARY_DISPATCHES 1
// Declared as in <xxh_x86dispatch.h>, which cannot be included beside the inlined functions.
extern XXH64_hash_t XXH3_64bits_dispatch(const void *, size_t);
#define GRANARY_VECTORS \
    "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7", "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", \
        "xmm14", "xmm15"
#endif

static inline __attribute__((always_inline)) unsigned long long granary_xxh3(const void *bytes, unsigned long count) {
#ifdef GRANARY_DISPATCHES
    // Up to here XXH3 has code of its own for each length, without vectors.
    if (count > XXH3_MIDSIZE_MAX) {
        unsigned long long hash = XXH3_64bits_dispatch(bytes, count);
        // The library leaves the upper halves of the vector registers as they are. Until they are zero, every SSE
        // instruction waits for what they were last used for: the next probe of the index for this hash.
        if (__builtin_cpu_supports("avx")) __asm__ volatile("vzeroupper" ::: "memory", GRANARY_VECTORS);
        return hash;
    }
#endif
    return XXH3_64bits(bytes, count);
}

static inline __attribute__((always_inline)) unsigned long long granary_xxh3_seeded(
    const void *bytes, unsigned long count, unsigned long long seed) {
    return XXH3_64bits_withSeed(bytes, count, seed);
}
