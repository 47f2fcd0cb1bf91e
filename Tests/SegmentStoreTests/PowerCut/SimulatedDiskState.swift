import Foundation

@testable import SegmentStore

/// What the simulated disk knows, and the choices it makes.
struct SimulatedDiskState: ~Copyable {
    enum Ending {
        /// The power goes: what the disk holds is settled, and the program runs on unaware until the test stops it.
        case cut
        /// The process dies: no later call has an effect, the kernel has all that came before.
        case death
    }

    /// What a call does that changes something on a disk.
    enum Kind: Equatable {
        case names
        case space
        case bytes
        case force(ForcePurpose)
    }

    private var generator: SeededGenerator
    private let base: String
    private var worldNumber = 0
    /// The directory that stands for the root of the disk.
    private(set) var world: String

    var bootIdentity: UInt64 { UInt64(worldNumber + 1) }

    var files: [Int: SimulatedFile] = [:]
    private var filesMade = 0
    private var directories: [String: SimulatedDirectory] = ["": SimulatedDirectory()]
    /// Files by descriptor, and by the address of a mapping.
    var descriptors: [CInt: Int] = [:]
    var mappings: [UInt: Int] = [:]

    private var armed: (ending: Ending, events: Int, kind: Kind?)?
    private(set) var ended: Ending?

    init(seed: UInt64) throws {
        generator = SeededGenerator(seed: seed)
        let memory = "/dev/shm"
        let parent = access(memory, W_OK) == 0 ? memory : FileManager.default.temporaryDirectory.path
        base = parent + "/granary-power-\(UUID().uuidString)"
        world = base + "/0"
        try FileManager.default.createDirectory(atPath: world, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: base)
    }

    // MARK: Names

    /// A path within the world as its directory's path there and its name; nil for what lies outside.
    private func place(_ path: String) -> (directory: String, name: String)? {
        guard path.hasPrefix(world + "/") else { return nil }
        let inside = path.dropFirst(world.count + 1)
        guard let slash = inside.lastIndex(of: "/") else { return ("", String(inside)) }
        return (String(inside[..<slash]), String(inside[inside.index(after: slash)...]))
    }

    func file(at path: String) -> Int? {
        guard let (directory, name) = place(path), case .file(let number) = directories[directory]?.live[name] else {
            return nil
        }
        return number
    }

    func file(of descriptor: CInt) -> SimulatedFile? { descriptors[descriptor].flatMap { files[$0] } }

    mutating func noteOpened(_ path: String, _ descriptor: CInt) {
        if let number = file(at: path) {
            descriptors[descriptor] = number
            files[number]?.follow(descriptor)
            return
        }
        guard let (directory, name) = place(path), let file = SimulatedFile() else { return }
        filesMade += 1
        files[filesMade] = file
        descriptors[descriptor] = filesMade
        directories[directory]?.make(.add(name, .file(filesMade)))
    }

    mutating func noteDirectory(_ path: String) {
        guard let (directory, name) = place(path) else { return }
        directories[directory]?.make(.add(name, .directory))
        directories[directory.isEmpty ? name : directory + "/" + name] = SimulatedDirectory()
    }

    mutating func change(_ path: String, _ change: (String) -> SimulatedDirectory.Change) {
        guard let (directory, name) = place(path) else { return }
        directories[directory]?.make(change(name))
    }

    mutating func forceNames(inDirectory path: String) {
        if path == world { directories[""]?.persist() }
        guard path.hasPrefix(world + "/") else { return }
        directories[String(path.dropFirst(world.count + 1))]?.persist()
    }

    // MARK: Moments

    mutating func arm(_ ending: Ending, after events: Int, of kind: Kind?) { armed = (ending, events, kind) }

    mutating func disarm() { armed = nil }

    /// A moment at which the power may go, or the kernel may write something back.
    mutating func event(_ present: Kind? = nil) {
        guard ended == nil else { return }
        if let (ending, events, kind) = armed, kind == nil || kind == present {
            armed = (ending, events - 1, kind)
            if events <= 1 { return end(ending) }
        }
        if generator.chance(4) { writeBack() }
    }

    mutating func end(_ ending: Ending) {
        guard ended == nil else { return }
        armed = nil
        ended = ending
        if ending == .cut { settle() }
    }

    /// What kernels do between forces: some sectors of a file, or the first names of a directory.
    private mutating func writeBack() {
        if generator.chance(25) {
            guard let path = directories.keys.sorted().randomElement(using: &generator) else { return }
            let count = Int.random(in: 0...(directories[path]?.pendingCount ?? 0), using: &generator)
            directories[path]?.persist(first: count)
            return
        }
        guard let number = files.keys.sorted().randomElement(using: &generator), let file = files[number] else {
            return
        }
        persistSome(of: file)
        if generator.chance(30) { file.persistLength(file.liveLength) }
    }

    private mutating func persistSome(of file: SimulatedFile) {
        let choice = SectorChoice(length: file.liveLength, using: &generator)
        file.persist(0..<file.liveLength) { choice.takes($0, using: &generator) }
    }

    // MARK: The cut

    /// Decides what the disk holds.
    private mutating func settle() {
        // Most is learned where nothing is written that nobody forced, and where all but one thing is.
        let style = Int.random(in: 0..<8, using: &generator)
        for path in directories.keys.sorted() {
            settleNames(path, style: style)
        }
        for number in files.keys.sorted() {
            guard let file = files[number] else { continue }
            if style != 0 { persistSome(of: file) }
            if file.liveLength != file.durableLength { settleLength(of: file, style: style) }
        }
    }

    private mutating func settleNames(_ path: String, style: Int) {
        let count = directories[path]?.pendingCount ?? 0
        guard count > 0, style != 0 else {
            directories[path]?.persist { _ in false }
            return
        }
        let isOrdered = generator.chance(50)
        let prefix = Int.random(in: 0...count, using: &generator)
        let chosen = (0..<count).map { number in isOrdered ? number < prefix : generator.chance(50) }
        directories[path]?.persist { chosen[$0] }
    }

    private mutating func settleLength(of file: SimulatedFile, style: Int) {
        switch style == 0 ? 0 : Int.random(in: 0..<5, using: &generator) {
        case 0, 1: file.persistLength(file.durableLength)
        case 2, 3: file.persistLength(file.liveLength)
        default:
            // An allocation can be journalled in steps.
            let low = min(file.durableLength, file.liveLength)
            let high = max(file.durableLength, file.liveLength)
            file.persistLength(low + Int.random(in: 0...(high - low) / 4_096, using: &generator) * 4_096)
        }
    }

    /// The machine is on again, or another process opens the store.
    mutating func restart() throws {
        defer {
            ended = nil
            armed = nil
        }
        guard ended == .cut else { return }
        descriptors = [:]
        mappings = [:]
        let old = world
        worldNumber += 1
        world = base + "/\(worldNumber)"
        try FileManager.default.createDirectory(atPath: world, withIntermediateDirectories: true)
        var kept: Set<Int> = []
        var reached: Set<String> = [""]
        try restore("", &kept, &reached)
        files = files.filter { kept.contains($0.key) }
        directories = directories.filter { reached.contains($0.key) }
        try FileManager.default.removeItem(atPath: old)
    }

    private mutating func restore(_ path: String, _ kept: inout Set<Int>, _ reached: inout Set<String>) throws {
        directories[path]?.restore()
        for (name, node) in (directories[path]?.durable ?? [:]).sorted(by: { $0.key < $1.key }) {
            let inside = path.isEmpty ? name : path + "/" + name
            switch node {
            case .file(let number):
                kept.insert(number)
                guard let file = files[number], file.restore(at: world + "/" + inside) else {
                    throw CocoaError(.fileWriteUnknown)
                }
            case .directory:
                reached.insert(inside)
                try FileManager.default.createDirectory(atPath: world + "/" + inside, withIntermediateDirectories: true)
                try restore(inside, &kept, &reached)
            }
        }
    }
}

/// Which of the changed sectors of a file reach the disk.
private struct SectorChoice {
    private enum Kind {
        case none
        case all
        case some(percent: Int)
        case below(Int)
        case above(Int)
    }
    private let kind: Kind

    init(length: Int, using generator: inout SeededGenerator) {
        let place = Int.random(in: 0...max(1, length), using: &generator)
        kind =
            switch Int.random(in: 0..<8, using: &generator) {
            case 0: .none
            case 1, 2: .all
            case 3: .below(place)
            case 4, 5: .above(place)
            case 6: .some(percent: 50)
            default: .some(percent: [5, 95].randomElement(using: &generator) ?? 5)
            }
    }

    func takes(_ offset: Int, using generator: inout SeededGenerator) -> Bool {
        switch kind {
        case .none: false
        case .all: true
        case .some(let percent): generator.chance(percent)
        case .below(let place): offset < place
        case .above(let place): offset >= place
        }
    }
}
