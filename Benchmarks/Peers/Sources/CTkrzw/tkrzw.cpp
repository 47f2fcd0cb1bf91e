#include "ctkrzw.h"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string_view>
#include <tkrzw_dbm_hash.h>
#include <tkrzw_file_mmap.h>

using std::string_view;
using tkrzw::DBM;

struct tkrzw_store {
    tkrzw::HashDBM database{std::make_unique<tkrzw::MemoryMapParallelFile>()};
};

namespace {

string_view view(const void *bytes, size_t length) { return string_view(static_cast<const char *>(bytes), length); }

class Copier final : public DBM::RecordProcessor {
  public:
    string_view ProcessFull(string_view, string_view value) override {
        copy = std::malloc(value.size());
        if (copy != nullptr) std::memcpy(copy, value.data(), value.size());
        length = value.size();
        return NOOP;
    }
    void *copy = nullptr;
    size_t length = 0;
};

class Lender final : public DBM::RecordProcessor {
  public:
    Lender(void (*body)(void *, const void *, size_t), void *context) : body(body), context(context) {}
    string_view ProcessFull(string_view, string_view value) override {
        body(context, value.data(), value.size());
        found = true;
        return NOOP;
    }
    bool found = false;

  private:
    void (*body)(void *, const void *, size_t);
    void *context;
};

}  // namespace

struct tkrzw_store *tkrzw_store_open(const char *path, int64_t buckets, char *message, size_t message_length) {
    auto store = std::make_unique<tkrzw_store>();
    tkrzw::HashDBM::TuningParameters parameters;
    parameters.num_buckets = buckets;
    const tkrzw::Status status = store->database.OpenAdvanced(path, true, tkrzw::File::OPEN_DEFAULT, parameters);
    if (status == tkrzw::Status::SUCCESS) return store.release();
    std::snprintf(message, message_length, "%s", std::string(status).c_str());
    return nullptr;
}

bool tkrzw_store_set(
    struct tkrzw_store *store, const void *key, size_t key_length, const void *value, size_t value_length) {
    return store->database.Set(view(key, key_length), view(value, value_length)) == tkrzw::Status::SUCCESS;
}

void *tkrzw_store_get(struct tkrzw_store *store, const void *key, size_t key_length, size_t *value_length) {
    Copier copier;
    if (store->database.Process(view(key, key_length), &copier, false) != tkrzw::Status::SUCCESS) return nullptr;
    *value_length = copier.length;
    return copier.copy;
}

bool tkrzw_store_lend(
    struct tkrzw_store *store, const void *key, size_t key_length,
    void (*body)(void *context, const void *value, size_t value_length), void *context) {
    Lender lender(body, context);
    return store->database.Process(view(key, key_length), &lender, false) == tkrzw::Status::SUCCESS && lender.found;
}

bool tkrzw_store_remove(struct tkrzw_store *store, const void *key, size_t key_length) {
    return store->database.Remove(view(key, key_length)) == tkrzw::Status::SUCCESS;
}

bool tkrzw_store_close(struct tkrzw_store *store) {
    const bool closed = store->database.Close() == tkrzw::Status::SUCCESS;
    delete store;
    return closed;
}
