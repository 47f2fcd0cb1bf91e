import FuzzSupport

@main
struct FuzzRecord {
    static func main() {
        FuzzTarget.run(seeds: { try Seeds.records() }) { bytes, count in
            RecordBench.shared.decode(FuzzInput(bytes, count))
            return 0
        }
    }
}
