import Foundation
import Sampling

/// The bytes of a generated trace's values.
package enum ValueSizes: Sendable, Equatable {
    /// As summaries have them: 0.3 to 8 KB, 1.1 on average.
    case summaries
    /// All alike.
    case fixed(Int)
}

/// Gives generated objects their keys, 32 hexadecimal digits as a digest has, and sizes; both follow from a number.
private struct ObjectMaker {
    private let sizes: ValueSizes
    private let lengths: SummaryLengths

    init(_ sizes: ValueSizes) {
        self.sizes = sizes
        var generator = SplitMix64(state: 20_260_101)
        lengths = SummaryLengths(&generator)
    }

    func key(_ id: Int) -> [UInt8] { hex(hash(id)) + hex(hash(~id)) }

    func size(_ id: Int) -> Int {
        switch sizes {
        case .summaries: lengths.length(forHash: hash(id))
        case .fixed(let size): size
        }
    }

    private func hash(_ id: Int) -> UInt64 { SplitMix64.mix(UInt64(bitPattern: Int64(id)) &+ 0x9E37_79B9_7F4A_7C15) }

    private func hex(_ value: UInt64) -> [UInt8] {
        (0..<16).map { digit in
            let nibble = UInt8(truncatingIfNeeded: value >> UInt64(60 - digit * 4)) & 15
            return nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10
        }
    }
}

/// Independent requests for objects whose popularity follows Zipf's law: the one of rank r is asked for in proportion to
/// 1 / r^alpha.
package struct ZipfTrace: Sendable {
    package var alpha: Double
    package var objects: Int
    package var requests: Int
    package var seed: UInt64
    package var sizes: ValueSizes

    package init(alpha: Double, objects: Int, requests: Int, seed: UInt64, sizes: ValueSizes) {
        self.alpha = alpha
        self.objects = objects
        self.requests = requests
        self.seed = seed
        self.sizes = sizes
    }

    /// Draws the requests, by looking for a uniform number in the sums of the ranks' shares.
    package func make() -> Trace {
        var trace = Trace(name: String(format: "zipf %g", alpha))
        let maker = ObjectMaker(sizes)
        var sums: [Double] = []
        sums.reserveCapacity(objects)
        var sum = 0.0
        for rank in 1...objects {
            sum += pow(Double(rank), -alpha)
            sums.append(sum)
        }
        var numbers = [UInt32?](repeating: nil, count: objects)
        var generator = SplitMix64(state: seed)
        for _ in 0..<requests {
            let rank = min(objects - 1, Self.firstIndex(in: sums, above: generator.nextUnit() * sum))
            let isFirst = numbers[rank] == nil
            let object = numbers[rank] ?? trace.addObject(key: maker.key(rank))
            numbers[rank] = object
            trace.addRequest(object, size: maker.size(rank), isFirst: isFirst)
        }
        return trace
    }

    private static func firstIndex(in sums: [Double], above value: Double) -> Int {
        var (low, high) = (0, sums.count)
        while low < high {
            let middle = (low + high) / 2
            if sums[middle] > value { high = middle } else { low = middle + 1 }
        }
        return low
    }
}

/// A batch that is run again and again: the same keys in the same order, some of them replaced for good by new ones each
/// time.
package struct RerunTrace: Sendable {
    package var objects: Int
    package var passes: Int
    /// The part of the keys that is new in each pass but the first.
    package var newShare: Double
    package var seed: UInt64
    package var sizes: ValueSizes

    package init(objects: Int, passes: Int, newShare: Double, seed: UInt64, sizes: ValueSizes) {
        self.objects = objects
        self.passes = passes
        self.newShare = newShare
        self.seed = seed
        self.sizes = sizes
    }

    package func make() -> Trace {
        var trace = Trace(name: "re-run")
        let maker = ObjectMaker(sizes)
        var generator = SplitMix64(state: seed)
        var batch = [UInt32](repeating: 0, count: objects)
        for pass in 0..<passes {
            for place in batch.indices {
                let isNew = pass == 0 || generator.nextUnit() < newShare
                let id = isNew ? trace.objectCount : Int(batch[place])
                if isNew { batch[place] = trace.addObject(key: maker.key(id)) }
                trace.addRequest(batch[place], size: maker.size(id), isFirst: isNew)
            }
        }
        return trace
    }
}
