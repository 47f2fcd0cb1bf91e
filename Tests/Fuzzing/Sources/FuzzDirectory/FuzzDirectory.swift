import FuzzSupport

@main
struct FuzzDirectory {
    static func main() {
        FuzzTarget.run(seeds: { try Seeds.directories() }) { bytes, count in
            DirectoryRun(FuzzInput(bytes, count)).run()
            return 0
        }
    }
}
