#ifndef _GNU_SOURCE
#define _GNU_SOURCE 1
#endif
#include "limit.h"

#include <errno.h>
#include <fcntl.h>
#include <lz4.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define XXH_INLINE_ALL
#include <xxhash.h>

// A record: checksum of what follows, lengths, key, value.
struct record {
    uint64_t checksum;
    uint32_t key_length;
    uint32_t stored_length;
    uint32_t raw_length;
    uint32_t unused;
    char bytes[];
};

struct limit {
    char *log;
    size_t capacity;
    size_t tail;
    // 16 bits of the hash, 16 of the stored length, and 32 of the record's offset in units of 8 bytes, plus one; zero is an
    // empty slot. A length that 16 bits cannot say is all ones. With it there nothing waits for the record's header.
    uint64_t *table;
    size_t mask;
    // So many more keys the table takes.
    size_t room;
    bool compresses;
};

// The same of libxxhash, with the widest vectors that the processor has; declared as in <xxh_x86dispatch.h>, which cannot
// be included beside the inlined functions.
#ifdef __x86_64__
extern XXH64_hash_t XXH3_64bits_dispatch(const void *, size_t);
#else
#define XXH3_64bits_dispatch XXH3_64bits
#endif

// The library leaves the vector registers' upper halves in use, which makes SSE instructions that follow wait.
static inline uint64_t long_hash(const void *bytes, size_t length) {
    uint64_t hash = XXH3_64bits_dispatch(bytes, length);
#ifdef __x86_64__
    if (__builtin_cpu_supports("avx"))
        __asm__ volatile("vzeroupper" ::: "memory", "xmm0", "xmm1", "xmm2", "xmm3", "xmm4", "xmm5", "xmm6", "xmm7",
                         "xmm8", "xmm9", "xmm10", "xmm11", "xmm12", "xmm13", "xmm14", "xmm15");
#endif
    return hash;
}

static const uint64_t tag_mask = ~0ULL << 48;
static const size_t long_length = 0xFFFF;

struct limit *limit_create(const char *path, size_t log_bytes, size_t entries, bool compresses) {
    if (log_bytes / 8 > UINT32_MAX - 1) {
        errno = EFBIG;
        return NULL;
    }
    struct limit *limit = calloc(1, sizeof *limit);
    if (!limit) return NULL;
    size_t slots = 1;
    while (slots < entries * 4) slots *= 2;
    int descriptor = open(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (descriptor < 0) goto failed;
    errno = posix_fallocate(descriptor, 0, (off_t)log_bytes);
    if (errno) goto failed_open;
    limit->log = mmap(NULL, log_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, descriptor, 0);
    if (limit->log == MAP_FAILED) goto failed_open;
    close(descriptor);
    limit->capacity = log_bytes;
    limit->mask = slots - 1;
    limit->room = slots / 2;
    limit->table = mmap(NULL, slots * sizeof(uint64_t), PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (limit->table == MAP_FAILED) {
        munmap(limit->log, log_bytes);
        goto failed;
    }
    madvise(limit->table, slots * sizeof(uint64_t), MADV_HUGEPAGE);
    memset(limit->table, 0, slots * sizeof(uint64_t));
    limit->compresses = compresses;
    limit_touch(limit, log_bytes);
    return limit;
failed_open:
    close(descriptor);
failed:
    free(limit);
    return NULL;
}

void limit_destroy(struct limit *limit) {
    munmap(limit->log, limit->capacity);
    munmap(limit->table, (limit->mask + 1) * sizeof(uint64_t));
    free(limit);
}

void limit_touch(struct limit *limit, size_t bytes) {
    size_t start = limit->tail & ~(size_t)4095;
    size_t end = start + bytes > limit->capacity ? limit->capacity : start + bytes;
    madvise(limit->log + start, end - start, MADV_HUGEPAGE);
    madvise(limit->log + start, end - start, MADV_POPULATE_WRITE);
}

static inline struct record *record_at(const struct limit *limit, uint64_t slot) {
    return (struct record *)(limit->log + ((slot & 0xFFFFFFFF) - 1) * 8);
}

static inline size_t stored_length(const struct limit *limit, uint64_t slot) {
    size_t length = slot >> 32 & long_length;
    return __builtin_expect(length == long_length, 0) ? record_at(limit, slot)->stored_length : length;
}

// All lines at once: the processor's own prefetch begins with one and learns the rest by missing.
static inline void fetch(const struct record *record, size_t length) {
    const char *line = (const char *)((uintptr_t)record & ~(uintptr_t)63);
    for (const char *end = record->bytes + length; line < end; line += 64) __builtin_prefetch(line);
}

// The slot that names the key's record, or the empty one where it would.
static inline uint64_t *find(const struct limit *limit, const void *key, size_t key_length, uint64_t hash, bool reads) {
    for (size_t at = hash & limit->mask;; at = (at + 1) & limit->mask) {
        uint64_t *slot = &limit->table[at];
        if (!*slot) return slot;
        if ((*slot ^ hash) & tag_mask) continue;
        const struct record *record = record_at(limit, *slot);
        if (reads) fetch(record, key_length + stored_length(limit, *slot));
        if (record->key_length == key_length && memcmp(record->bytes, key, key_length) == 0) return slot;
    }
}

// Has that fetched of the hash's record which a key will be compared with.
static inline void fetch_old(const struct limit *limit, size_t key_length, uint64_t hash) {
    size_t at = hash & limit->mask;
    while (limit->table[at] && (limit->table[at] ^ hash) & tag_mask) at = (at + 1) & limit->mask;
    if (limit->table[at]) fetch(record_at(limit, limit->table[at]), key_length);
}

static inline uint64_t checksum(const struct record *record, size_t key_length, size_t length) {
    return long_hash(&record->key_length, sizeof *record - 8 + key_length + length);
}

bool limit_set(struct limit *limit, const void *key, size_t key_length, const void *value, size_t value_length) {
    size_t longest = sizeof(struct record) + key_length + value_length;
    if (limit->tail + longest + 8 > limit->capacity) return false;
    uint64_t hash = XXH3_64bits(key, key_length);
    __builtin_prefetch(&limit->table[hash & limit->mask], 1);
    struct record *record = (struct record *)(limit->log + limit->tail);
    record->key_length = (uint32_t)key_length;
    record->raw_length = (uint32_t)value_length;
    record->unused = 0;
    memcpy(record->bytes, key, key_length);
    int stored = 0;
    if (limit->compresses)
        stored = LZ4_compress_default(value, record->bytes + key_length, (int)value_length, (int)value_length - 1);
    if (stored <= 0) {
        memcpy(record->bytes + key_length, value, value_length);
        stored = (int)value_length;
    }
    record->stored_length = (uint32_t)stored;
    fetch_old(limit, key_length, hash);
    record->checksum = checksum(record, key_length, (size_t)stored);
    uint64_t length = (size_t)stored < long_length ? (uint64_t)stored : long_length;
    uint64_t *slot = find(limit, key, key_length, hash, false);
    if (!*slot) {
        if (limit->room == 0) return false;
        limit->room--;
    }
    *slot = (hash & tag_mask) | length << 32 | (limit->tail / 8 + 1);
    limit->tail += (sizeof(struct record) + key_length + (size_t)stored + 7) & ~(size_t)7;
    return true;
}

static inline bool is_sound(const struct record *record, size_t key_length, size_t length) {
    return record->stored_length == length && record->checksum == checksum(record, key_length, length);
}

static inline bool decode(const struct record *record, size_t key_length, size_t length, void *target) {
    const char *stored = record->bytes + key_length;
    if (length == record->raw_length) {
        memcpy(target, stored, length);
        return true;
    }
    return LZ4_decompress_safe(stored, target, (int)length, (int)record->raw_length) == (int)record->raw_length;
}

// The key's record, still on its way, and its stored length; NULL if there is none.
static inline const struct record *look_up(const struct limit *limit, const void *key, size_t key_length, size_t *length) {
    uint64_t slot = *find(limit, key, key_length, XXH3_64bits(key, key_length), true);
    if (!slot) return NULL;
    *length = stored_length(limit, slot);
    return record_at(limit, slot);
}

void *limit_get(const struct limit *limit, const void *key, size_t key_length, size_t *value_length) {
    size_t length;
    const struct record *record = look_up(limit, key, key_length, &length);
    if (!record) return NULL;
    *value_length = limit->compresses ? record->raw_length : length;
    // Meanwhile.
    void *copy = malloc(*value_length);
    if (copy && is_sound(record, key_length, length) && decode(record, key_length, length, copy)) return copy;
    free(copy);
    return NULL;
}

const void *limit_lend(const struct limit *limit, const void *key, size_t key_length, size_t *value_length) {
    const struct record *record = look_up(limit, key, key_length, value_length);
    if (!record || record->raw_length != *value_length || !is_sound(record, key_length, *value_length)) return NULL;
    return record->bytes + key_length;
}

uint64_t limit_hash(const void *bytes, size_t length) { return long_hash(bytes, length); }

int64_t limit_first_hole(int descriptor) { return lseek(descriptor, 0, SEEK_HOLE); }

void limit_trim_heap(void) { malloc_trim(0); }
