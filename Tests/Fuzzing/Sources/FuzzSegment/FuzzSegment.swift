import FuzzSupport

@main
struct FuzzSegment {
    static func main() {
        FuzzTarget.run(seeds: { try Seeds.segments() }) { bytes, count in
            openSegment(FuzzInput(bytes, count))
            return 0
        }
    }
}
