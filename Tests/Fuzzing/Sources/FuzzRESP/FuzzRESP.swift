import FuzzSupport

@main
struct FuzzRESP {
    static func main() {
        FuzzTarget.run(seeds: { Replies.seeds }) { bytes, count in
            Splits.compare(FuzzInput(bytes, count))
            return 0
        }
    }
}
