// The least that a persistent cache can do on this machine: one preallocated, warm mapping of a file, one open-addressing
// table, XXH3 and memcpy. No locks, no deletion, no growth, no recovery, one writer. It does the work that a caller of a
// checked cache sees: the key is compared, the record's checksum verified, and a get returns a fresh copy.
#ifndef GRANARY_LIMIT_H
#define GRANARY_LIMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct limit;

/// Maps a new file of `log_bytes` at `path`, touches every page, and makes a table of four times as many slots as `entries`,
/// rounded up to a power of two. NULL, with errno set, if the system refuses, and from about 32 GiB.
struct limit *limit_create(const char *path, size_t log_bytes, size_t entries, bool compresses);
void limit_destroy(struct limit *);

/// False once the log is full or, for a new key, half the table.
bool limit_set(struct limit *, const void *key, size_t key_length, const void *value, size_t value_length);

/// A copy from malloc, or NULL where the key has no sound record.
void *limit_get(const struct limit *, const void *key, size_t key_length, size_t *value_length);

/// The value where it lies; NULL too for one that is stored compressed, which cannot be lent without a copy.
const void *limit_lend(const struct limit *, const void *key, size_t key_length, size_t *value_length);

/// Faults in, for writing, what the next `bytes` of records go to.
void limit_touch(struct limit *, size_t bytes);

/// XXH3 of the bytes: what a scan of a file costs at the least.
uint64_t limit_hash(const void *bytes, size_t length);

/// Where the file's first hole begins, or its end; negative if that cannot be told.
int64_t limit_first_hole(int descriptor);

/// Gives what was freed back to the system, as far as the allocator can.
void limit_trim_heap(void);

#endif
