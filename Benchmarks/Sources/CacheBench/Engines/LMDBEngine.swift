#if Peers
import CLMDB
import Foundation
import SegmentStore

/// LMDB with a writable map and no forcing, its fastest mode. Every thread keeps a transaction for reading that it resets
/// and renews, as LMDB's documentation advises.
///
/// `@unchecked`: LMDB's environment may be used by any thread.
final class LMDBEngine: FindingEngine, @unchecked Sendable {
    private let environment: OpaquePointer
    private let database: MDB_dbi
    private let readers: PerThread<LMDBReader>

    init(_ settings: EngineSettings) throws {
        var environment: OpaquePointer?
        try check(mdb_env_create(&environment))
        guard let environment else { throw BenchError("lmdb: no environment") }
        self.environment = environment
        // The file is sparse: the size is only an upper bound.
        try check(mdb_env_set_mapsize(environment, 1 << 30 + settings.entries * 8_192))
        let flags = UInt32(MDB_WRITEMAP | MDB_NOSYNC | MDB_NOTLS)
        try check(mdb_env_open(environment, settings.directory, flags, 0o600))
        var transaction: OpaquePointer?
        var database = MDB_dbi()
        try check(mdb_txn_begin(environment, nil, 0, &transaction))
        try check(mdb_dbi_open(transaction, nil, 0, &database))
        try check(mdb_txn_commit(transaction))
        self.database = database
        // Pointers are not Sendable; LMDB's environment may cross threads.
        nonisolated(unsafe) let shared = environment
        readers = try PerThread { try LMDBReader(shared) }
    }

    func set(_ key: UnsafeRawBufferPointer, to value: UnsafeRawBufferPointer) throws {
        try writing { try put($0, key, value) }
    }

    func set(_ batch: [BatchEntry]) throws {
        try writing { transaction in
            for entry in batch { try entry.withBytes { try put(transaction, $0, $1) } }
        }
    }

    private func put(
        _ transaction: OpaquePointer?,
        _ key: UnsafeRawBufferPointer,
        _ value: UnsafeRawBufferPointer
    ) throws {
        var key = MDB_val(key)
        var value = MDB_val(value)
        try check(mdb_put(transaction, database, &key, &value, 0))
    }

    private func writing(_ body: (OpaquePointer?) throws -> Void) throws {
        var transaction: OpaquePointer?
        try check(mdb_txn_begin(environment, nil, 0, &transaction))
        do {
            try body(transaction)
        } catch {
            mdb_txn_abort(transaction)
            throw error
        }
        try check(mdb_txn_commit(transaction))
    }

    @inline(__always)
    func find(_ key: UnsafeRawBufferPointer, _ body: (UnsafeRawBufferPointer) throws -> Bool) throws -> Bool? {
        try readers.with { reader in
            try check(mdb_txn_renew(reader.transaction))
            defer { mdb_txn_reset(reader.transaction) }
            var key = MDB_val(key)
            var value = MDB_val()
            let code = mdb_get(reader.transaction, database, &key, &value)
            if code == MDB_NOTFOUND { return nil }
            try check(code)
            return try body(UnsafeRawBufferPointer(start: value.mv_data, count: value.mv_size))
        }
    }

    func remove(_ key: UnsafeRawBufferPointer) throws {
        try writing { transaction in
            var key = MDB_val(key)
            try check(mdb_del(transaction, database, &key, nil))
        }
    }

    func close() throws {
        for reader in readers.all { mdb_txn_abort(reader.transaction) }
        try check(mdb_env_sync(environment, 1))
        mdb_env_close(environment)
    }
}

/// `@unchecked`: it is used by the thread that holds it.
private final class LMDBReader: @unchecked Sendable {
    let transaction: OpaquePointer

    init(_ environment: OpaquePointer) throws {
        var transaction: OpaquePointer?
        try check(mdb_txn_begin(environment, nil, UInt32(MDB_RDONLY), &transaction))
        guard let transaction else { throw BenchError("lmdb: no transaction") }
        mdb_txn_reset(transaction)
        self.transaction = transaction
    }
}

extension MDB_val {
    /// LMDB takes what it does not change as mutable.
    @inline(__always)
    fileprivate init(_ bytes: UnsafeRawBufferPointer) {
        self.init(mv_size: bytes.count, mv_data: UnsafeMutableRawPointer(mutating: bytes.baseAddress))
    }
}

@inline(__always)
private func check(_ code: Int32) throws {
    guard code == 0 else { throw BenchError("lmdb: \(String(cString: mdb_strerror(code)))") }
}
#endif
