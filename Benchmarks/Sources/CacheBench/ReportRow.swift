extension Report {
    /// One line: one engine on one workload. What was not measured is nil.
    struct Row: Encodable {
        var engine: EngineName
        var workload: Workload
        var threads = 1
        var entries: Int
        var valueBytesMean: Double
        var ops = 0
        var opsPerSecond = 0.0
        var nsPerOp = 0.0
        /// Time over the limit's in the same round, median.
        var ratioToLimit: Double?
        /// Time over the chosen engine's in the same round, median.
        var ratioToBase: Double?
        var base: EngineName?
        /// Throughput over that of one thread, over the limit's, median of the rounds.
        var scalingToLimit: Double?
        var p50Ns: UInt64?
        var p99Ns: UInt64?
        var p999Ns: UInt64?
        var p9999Ns: UInt64?
        var longestNs: UInt64?
        var bytesOnDisk: Int?
        var diskBytesPerEntry: Double?
        var residentBytes: Int?
        var anonymousBytes: Int?
        var anonymousBytesPerEntry: Double?
        /// Of `reuse`: the whole run, what of it the cache took, and what decoding took where that came after.
        var seconds: Double?
        var cacheSeconds: Double?
        var codingSeconds: Double?
        var durability: String
        var note: String?

        enum CodingKeys: String, CodingKey {
            case engine, workload, threads, entries, ops, base, seconds, durability, note
            case valueBytesMean = "value_bytes_mean"
            case opsPerSecond = "ops_per_second"
            case nsPerOp = "ns_per_op"
            case ratioToLimit = "ratio_to_limit"
            case ratioToBase = "ratio_to_base"
            case scalingToLimit = "scaling_to_limit"
            case p50Ns = "p50_ns"
            case p99Ns = "p99_ns"
            case p999Ns = "p999_ns"
            case p9999Ns = "p9999_ns"
            case longestNs = "longest_ns"
            case diskBytesPerEntry = "disk_bytes_per_entry"
            case anonymousBytesPerEntry = "anonymous_bytes_per_entry"
            case cacheSeconds = "cache_seconds"
            case codingSeconds = "coding_seconds"
            case bytesOnDisk = "bytes_on_disk"
            case residentBytes = "resident_bytes"
            case anonymousBytes = "anonymous_bytes"
        }

        /// Every key is there, with null for what was not measured.
        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: CodingKeys.self)
            try container.encode(engine, forKey: .engine)
            try container.encode(workload, forKey: .workload)
            try container.encode(threads, forKey: .threads)
            try container.encode(entries, forKey: .entries)
            try container.encode(ops, forKey: .ops)
            try container.encode(base, forKey: .base)
            try container.encode(seconds, forKey: .seconds)
            try container.encode(durability, forKey: .durability)
            try container.encode(note, forKey: .note)
            try container.encode(valueBytesMean, forKey: .valueBytesMean)
            try container.encode(opsPerSecond, forKey: .opsPerSecond)
            try container.encode(nsPerOp, forKey: .nsPerOp)
            try container.encode(ratioToLimit, forKey: .ratioToLimit)
            try container.encode(ratioToBase, forKey: .ratioToBase)
            try container.encode(scalingToLimit, forKey: .scalingToLimit)
            try container.encode(p50Ns, forKey: .p50Ns)
            try container.encode(p99Ns, forKey: .p99Ns)
            try container.encode(p999Ns, forKey: .p999Ns)
            try container.encode(p9999Ns, forKey: .p9999Ns)
            try container.encode(longestNs, forKey: .longestNs)
            try container.encode(diskBytesPerEntry, forKey: .diskBytesPerEntry)
            try container.encode(anonymousBytesPerEntry, forKey: .anonymousBytesPerEntry)
            try container.encode(cacheSeconds, forKey: .cacheSeconds)
            try container.encode(codingSeconds, forKey: .codingSeconds)
            try container.encode(bytesOnDisk, forKey: .bytesOnDisk)
            try container.encode(residentBytes, forKey: .residentBytes)
            try container.encode(anonymousBytes, forKey: .anonymousBytes)
        }
    }
}

extension Report.Row {
    mutating func take(_ latency: LatencyFigures) {
        p50Ns = latency.p50
        p99Ns = latency.p99
        p999Ns = latency.p999
        p9999Ns = latency.p9999
        longestNs = latency.longest
    }
}
