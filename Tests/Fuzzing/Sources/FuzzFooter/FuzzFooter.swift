import FuzzSupport

@main
struct FuzzFooter {
    static func main() {
        FuzzTarget.run(seeds: { try Seeds.footers() }) { bytes, count in
            SoundSegment.shared.readFooter(FuzzInput(bytes, count))
            return 0
        }
    }
}
