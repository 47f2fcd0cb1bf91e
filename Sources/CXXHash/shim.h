// XXH3 is inlined from the header, so that hashing a short key costs no call; nothing links libxxhash.
#define XXH_INLINE_ALL
#include <xxhash.h>

static inline __attribute__((always_inline)) unsigned long long granary_xxh3(const void *bytes, unsigned long count) {
    return XXH3_64bits(bytes, count);
}

static inline __attribute__((always_inline)) unsigned long long granary_xxh3_seeded(
    const void *bytes, unsigned long count, unsigned long long seed) {
    return XXH3_64bits_withSeed(bytes, count, seed);
}
