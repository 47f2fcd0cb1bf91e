// Tkrzw's hash database on a memory-mapped file. Its own C interface goes through a class that stands for any of its
// databases, and copies a value once more than this one, which calls the hash database itself. That copies what is longer
// than a record's first bytes before it shows it.
#ifndef GRANARY_CTKRZW_H
#define GRANARY_CTKRZW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct tkrzw_store;

/// Opens the database file, or makes one with so many buckets. NULL, with the reason in `message`, if that fails.
struct tkrzw_store *tkrzw_store_open(const char *path, int64_t buckets, char *message, size_t message_length);

bool tkrzw_store_set(struct tkrzw_store *, const void *key, size_t key_length, const void *value, size_t value_length);

/// A copy from malloc, or NULL where there is none of the key.
void *tkrzw_store_get(struct tkrzw_store *, const void *key, size_t key_length, size_t *value_length);

/// Calls the body with the value as the database shows it, under the record's lock; false where there is none of the key.
bool tkrzw_store_lend(
    struct tkrzw_store *, const void *key, size_t key_length,
    void (*body)(void *context, const void *value, size_t value_length), void *context);

bool tkrzw_store_remove(struct tkrzw_store *, const void *key, size_t key_length);

/// Closes the file and frees the store; false if the file could not be written.
bool tkrzw_store_close(struct tkrzw_store *);

#ifdef __cplusplus
}
#endif

#endif
