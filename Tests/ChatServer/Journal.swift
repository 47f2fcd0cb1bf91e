import Foundation
import Synchronization

/// What was asked, by run: the part of the path by which a client names itself.
final class Journal: Sendable {
    struct Entry: Codable, Sendable {
        /// Path and query behind the script.
        var target: String
        var authorization: String?
        var body: String
        /// Nanoseconds of the monotonic clock when the request was there, whole.
        var asked: UInt64
        /// The same when the last byte of the answer was handed to the system.
        var answered: UInt64?
    }

    struct Run: Codable, Sendable {
        var entries: [Entry] = []
        var underWay = 0
        var mostUnderWay = 0

        mutating func begin(_ entry: Entry) -> Int {
            entries.append(entry)
            underWay += 1
            mostUnderWay = max(mostUnderWay, underWay)
            return entries.count - 1
        }
    }

    private let runs = Mutex<[String: Run]>([:])

    /// Notes a request; returns its number in the run, counted from 0.
    func begin(_ run: String, target: String, authorization: String?, body: String) -> Int {
        let now = DispatchTime.now().uptimeNanoseconds
        return runs.withLock { runs in
            // In place: a copy would take longer with every request.
            runs[run, default: Run()].begin(
                Entry(target: target, authorization: authorization, body: body, asked: now)
            )
        }
    }

    func willAnswer(_ run: String) { runs.withLock { $0[run]?.underWay -= 1 } }

    func answered(_ run: String, _ number: Int) {
        let now = DispatchTime.now().uptimeNanoseconds
        runs.withLock { $0[run]?.entries[number].answered = now }
    }

    func json(_ run: String) -> Data {
        let state = runs.withLock { $0[run] } ?? Run()
        return (try? JSONEncoder().encode(state)) ?? Data()
    }
}
