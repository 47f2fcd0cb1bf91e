#if Peers
import CRocksDB
import Foundation
import SegmentStore

/// RocksDB with its values in blob files, set up for looking single keys up: a hash in every block, a filter of 10 bits a
/// key, and caches that hold the whole of both keys and values, as its tuning guide advises where memory allows.
///
/// `@unchecked`: a database and its options may be used by any thread.
final class RocksDBEngine: FindingEngine, @unchecked Sendable {
    private let database: OpaquePointer
    private let readOptions = rocksdb_readoptions_create()
    private let writeOptions = rocksdb_writeoptions_create()

    init(_ settings: EngineSettings) throws {
        let options = rocksdb_options_create()
        defer { rocksdb_options_destroy(options) }
        rocksdb_options_set_create_if_missing(options, 1)
        rocksdb_options_increase_parallelism(options, 2)
        rocksdb_options_set_compression(options, Int32(rocksdb_no_compression))
        rocksdb_options_set_write_buffer_size(options, 64 << 20)

        rocksdb_options_set_enable_blob_files(options, 1)
        rocksdb_options_set_min_blob_size(options, 0)
        rocksdb_options_set_blob_compression_type(options, Int32(rocksdb_no_compression))
        rocksdb_options_set_enable_blob_gc(options, 1)
        let valueBytes = settings.entries * 2_048 + (64 << 20)
        let values = rocksdb_cache_create_lru(valueBytes)
        rocksdb_options_set_blob_cache(options, values)
        rocksdb_cache_destroy(values)
        rocksdb_options_set_prepopulate_blob_cache(options, Int32(rocksdb_prepopulate_blob_flush_only))

        let table = rocksdb_block_based_options_create()
        defer { rocksdb_block_based_options_destroy(table) }
        let blocks = rocksdb_cache_create_lru(settings.entries * 128 + (64 << 20))
        rocksdb_block_based_options_set_block_cache(table, blocks)
        rocksdb_cache_destroy(blocks)
        rocksdb_block_based_options_set_filter_policy(table, rocksdb_filterpolicy_create_bloom_full(10))
        rocksdb_block_based_options_set_data_block_index_type(
            table,
            Int32(rocksdb_block_based_table_data_block_index_type_binary_search_and_hash)
        )
        rocksdb_block_based_options_set_data_block_hash_ratio(table, 0.75)
        rocksdb_options_set_block_based_table_factory(options, table)
        rocksdb_options_set_memtable_prefix_bloom_size_ratio(options, 0.02)
        rocksdb_options_set_memtable_whole_key_filtering(options, 1)

        let path = settings.directory
        database = try Self.checked { rocksdb_open(options, path, &$0) }.orThrow("rocksdb: no database")
    }

    func set(_ key: UnsafeRawBufferPointer, to value: UnsafeRawBufferPointer) throws {
        try Self.checked {
            rocksdb_put(database, writeOptions, key.characters, key.count, value.characters, value.count, &$0)
        }
    }

    func set(_ batch: [BatchEntry]) throws {
        let writes = rocksdb_writebatch_create()
        defer { rocksdb_writebatch_destroy(writes) }
        for entry in batch {
            entry.withBytes { key, value in
                rocksdb_writebatch_put(writes, key.characters, key.count, value.characters, value.count)
            }
        }
        try Self.checked { rocksdb_write(database, writeOptions, writes, &$0) }
    }

    /// Pinned, which saves the copy that `rocksdb_get` makes on its way to another one.
    @inline(__always)
    func find(_ key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) throws -> Bool) throws -> Bool? {
        let slice = try Self.checked {
            rocksdb_get_pinned(database, readOptions, key.characters, key.count, &$0)
        }
        guard let slice else { return nil }
        defer { rocksdb_pinnableslice_destroy(slice) }
        var count = 0
        let value = rocksdb_pinnableslice_value(slice, &count)
        return try body(UnsafeRawBufferPointer(start: value, count: count))
    }

    func remove(_ key: UnsafeRawBufferPointer) throws {
        try Self.checked { rocksdb_delete(database, writeOptions, key.characters, key.count, &$0) }
    }

    /// Writes what is in memory out and merges all levels, which is what reads find best.
    func settle() throws {
        let options = rocksdb_flushoptions_create()
        defer { rocksdb_flushoptions_destroy(options) }
        try Self.checked { rocksdb_flush(database, options, &$0) }
        rocksdb_compact_range(database, nil, 0, nil, 0)
    }

    func close() throws { rocksdb_close(database) }

    @inline(__always)
    @discardableResult
    private static func checked<Result>(_ body: (inout UnsafeMutablePointer<CChar>?) -> Result) throws -> Result {
        var message: UnsafeMutablePointer<CChar>?
        let result = body(&message)
        if let message {
            defer { rocksdb_free(message) }
            throw BenchError("rocksdb: \(String(cString: message))")
        }
        return result
    }
}

extension UnsafeRawBufferPointer {
    @inline(__always)
    fileprivate var characters: UnsafePointer<CChar>? { baseAddress?.assumingMemoryBound(to: CChar.self) }
}

extension Optional {
    fileprivate func orThrow(_ message: String) throws -> Wrapped {
        guard let self else { throw BenchError(message) }
        return self
    }
}
#endif
