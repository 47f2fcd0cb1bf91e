import Foundation
import Granary
import SegmentStore

/// The store as programs meet it: summaries, coded as JSON, in a `Cache` over a `SegmentCache`.
final class SegmentCacheEngine: AwaitedEngine {
    private let strategy: SegmentCache
    private let cache: Cache<Summary>

    init(directory: String, sizeLimit: Int?) throws {
        strategy = try SegmentCache(
            directory: directory,
            options: StoreOptions(compression: .none, sizeLimit: sizeLimit)
        )
        cache = Cache(over: strategy)
    }

    func item(_ value: UnsafeRawBufferPointer) -> Summary { Summary(value) }
    func bytes(of item: Summary) -> [UInt8] { item.bytes }
    func isPlausible(_ item: Summary, id: Int, _ dataset: Dataset) -> Bool { item.isPlausible(id: id, dataset) }

    func store(_ item: Summary, forKey key: String) async throws { try await cache.set(item, forKey: key) }
    func item(forKey key: String) async throws -> Summary? { try await cache.value(forKey: key) }
    func remove(forKey key: String) async throws { try await strategy.remove(key) }

    func touchAhead(bytes: Int) throws { try SegmentEngine.touchSegments() }

    func reclaimCounters() throws -> ReclaimCounters? { ReclaimCounters(try strategy.store.statistics()) }

    func close() throws { try strategy.store.close() }
}

/// A structured summary of a conversation, made of a value's text.
struct Summary: Codable, Sendable {
    var request: String
    var summary: String
    var topic = "a topic in a few words"
    var languages = ["English"]
    var task = "explaining"
    var concerningScore = 1
    var userFrustration = 2
    var assistantErrors: [String] = []

    /// The request is the first fifth of the text, the summary the rest.
    init(_ text: UnsafeRawBufferPointer) {
        let split = text.count / 5
        request = String(decoding: text[..<split], as: UTF8.self)
        summary = String(decoding: text[split...], as: UTF8.self)
    }

    var bytes: [UInt8] { Array(request.utf8) + Array(summary.utf8) }

    func isPlausible(id: Int, _ dataset: Dataset) -> Bool {
        var (request, summary) = (request, summary)
        return request.withUTF8 { head in
            summary.withUTF8 { tail in
                guard head.count >= 8, tail.count >= 8, let first = head.baseAddress, let last = tail.baseAddress else {
                    return false
                }
                return dataset.plausible(
                    first: UnsafeRawPointer(first).loadUnaligned(as: UInt64.self),
                    last: (UnsafeRawPointer(last) + tail.count - 8).loadUnaligned(as: UInt64.self),
                    count: head.count + tail.count,
                    id: id
                )
            }
        }
    }
}
