import CLinux
import Glibc
import Synchronization
import TestSupport
import Testing

@testable import SegmentStore

/// Every system call of a fixed run fails in turn, in every way that it can, once or from then on: each run ends in
/// success or in a typed error, what it acknowledged is there, and nothing that was opened or mapped stays so.
@Suite(.inTurnOnOwnThread) struct FaultTests {
    typealias Call = FaultyFileLayer.Call
    typealias Fault = FaultyFileLayer.Fault
    typealias Effect = FaultyFileLayer.Effect

    typealias Room = FaultScenario.Room

    static let durabilities: [StoreOptions.Durability] = [.never, .everySet]

    /// How each kind of call can fail; the first way, and the first error, are tried from then on too.
    static func effects(on call: Call) -> [Effect] {
        func errors(_ numbers: CInt...) -> [Effect] { numbers.map { .error($0) } }
        return switch call {
        case .open: errors(EMFILE, EIO, EACCES)
        case .statusOfDescriptor, .fileSystemType, .isLocked: errors(EIO, ENOMEM)
        case .statusAtPath: errors(EIO, EACCES)
        case .names: errors(EIO, EMFILE, ENOMEM)
        case .makeDirectory: errors(ENOSPC, EDQUOT, EACCES, EIO)
        case .rename: errors(ENOSPC, EIO, EACCES)
        case .unlink: errors(EIO, EACCES)
        case .allocate: errors(ENOSPC, EDQUOT, EIO, EOPNOTSUPP)
        case .punchHole: errors(EIO, EOPNOTSUPP)
        case .read: [.half, .short(1)] + errors(EIO)
        case .write: errors(ENOSPC, EDQUOT, EIO) + [.short(1), .half]
        case .map: errors(ENOMEM, EIO, EACCES)
        case .protect: errors(ENOMEM, EACCES)
        case .forceMapping, .forceFile: errors(EIO, ENOSPC, EDQUOT)
        case .forceDirectory: errors(EIO, EMFILE)
        case .lock: errors(ENOLCK, EIO)
        }
    }

    @Test(arguments: durabilities, Call.allCases)
    func everyCallFailsInTurn(durability: StoreOptions.Durability, call: Call) throws {
        // What differs without durability are the flushes: there one way to fail each is enough for the rest.
        let effects = Self.effects(on: call).prefix(durability == .never ? 1 : .max)
        try fail(call, in: Array(effects), durability, .unlimited)
    }

    /// Where files are given up and used again.
    @Test(arguments: [Room.limited, .scarce], Call.allCases)
    func everyCallFailsInTurnUnderALimit(room: Room, call: Call) throws {
        let durability = StoreOptions.Durability.interval(.seconds(1))
        try fail(call, in: Array(Self.effects(on: call).prefix(room == .limited ? .max : 1)), durability, room)
    }

    private func fail(_ call: Call, in effects: [Effect], _ durability: StoreOptions.Durability, _ room: Room) throws {
        let files = FaultyFileLayer()
        files.arm(nil)
        let purposes = Mutex<Set<ForcePurpose>>([])
        files.beforeForcing { purpose in purposes.withLock { _ = $0.insert(purpose) } }
        let whole = try FaultScenario(files, durability, room, faultIsLasting: false)
        whole.run()
        let count = files.counts[call] ?? 0
        whole.checkWithoutFaults()
        try #require(whole.errors == [] && whole.problems == [])
        let isGivenUp = purposes.withLock { $0.isSuperset(of: [.recordsBeforeRetirement, .retiredSegment]) }
        try #require(isGivenUp == (room != .unlimited))
        try #require(count > 0)
        let lasting = effects.prefix(1) + effects.dropFirst().filter(\.isError).prefix(effects[0].isError ? 0 : 1)
        for number in 1...count {
            let once = effects.map { Fault(calls: [call], number: number, effect: $0) }
            for fault in once + lasting.map({ Fault(calls: [call], number: number, effect: $0, isLasting: true) }) {
                let problems = try Self.problems(with: fault, durability, room)
                #expect(problems == [], "\(fault)")
            }
        }
    }

    /// Runs the scenario with the fault, and says what went wrong other than by a typed error that fits.
    static func problems(
        with fault: Fault,
        _ durability: StoreOptions.Durability,
        _ room: Room
    ) throws -> [String] {
        let files = FaultyFileLayer()
        files.arm(fault)
        let scenario = try FaultScenario(files, durability, room, faultIsLasting: fault.isLasting)
        scenario.run()
        var problems: [String] = []
        if files.firings == 0 { problems.append("the fault never showed") }
        for error in scenario.errors where !explains(fault, error, room) {
            problems.append("error that does not fit: \(error)")
        }
        scenario.checkWithoutFaults()
        return problems + scenario.problems
    }

    /// True if the error is what a caller should see of the fault.
    private static func explains(_ fault: Fault, _ error: StoreError, _ room: Room) -> Bool {
        guard case .error(let number) = fault.effect else { return false }
        if error.code == .full {
            // What cannot be made a hole, or get another header, keeps its room.
            return room != .unlimited && fault.isLasting && fault.calls.isSubset(of: [.punchHole, .write])
        }
        if error.code == .writesStopped {
            return !fault.calls.isDisjoint(with: [.forceMapping, .forceFile, .forceDirectory])
        }
        let code: StoreError.Code =
            switch number {
            case ENOSPC, EDQUOT: .noSpace
            case EACCES: .permissionDenied
            case ENOMEM: .outOfMemory
            default: .inputOutput
            }
        return error.code == code && error.number == number && error.path != nil
            && number != EOPNOTSUPP
    }

    @Test(arguments: durabilities)
    func interruptedCallsAreMadeAgain(durability: StoreOptions.Durability) throws {
        let files = FaultyFileLayer()
        files.interruptFirstAttempts()
        let scenario = try FaultScenario(files, durability, faultIsLasting: true)
        scenario.run()
        let interruptions = files.firings
        #expect(scenario.errors == [])
        scenario.checkWithoutFaults()
        #expect(scenario.problems == [])
        #expect(interruptions > 100)
    }

    /// Where the file system has neither, zeros are written instead.
    @Test(arguments: durabilities)
    func nothingIsLostWhereBlocksCannotBeAllocatedOrFreed(durability: StoreOptions.Durability) throws {
        let files = FaultyFileLayer()
        files.arm(Fault(calls: [.allocate, .punchHole], effect: .error(EOPNOTSUPP), isLasting: true))
        let scenario = try FaultScenario(files, durability, faultIsLasting: true)
        scenario.run()
        #expect(files.firings > 5)
        #expect(scenario.errors == [])
        scenario.checkWithoutFaults()
        #expect(scenario.problems == [])
    }

    /// A file with a hole may come to a file system that cannot allocate; stores into the hole must not meet a full disk.
    @Test func theHoleOfAClosedSegmentIsFilledWhereBlocksCannotBeAllocated() throws {
        let directory = try TemporaryDirectory(inMemory: true)
        var options = StoreOptions.stepped()
        let first = try SegmentStore(directory: directory.path, options: options)
        try first.set("key", to: [1])
        try first.close()
        let path = try #require(directory.segmentPaths.first)
        #expect(try LinuxFileLayer().status(at: path).allocatedBytes < 100_000)

        let files = FaultyFileLayer()
        files.arm(Fault(calls: [.allocate], effect: .error(EOPNOTSUPP), isLasting: true))
        options.files = files
        let second = try SegmentStore(directory: directory.path, options: options)
        try second.set("other", to: [2])
        let status = try LinuxFileLayer().status(at: path)
        #expect(status.allocatedBytes >= status.length - 4_096)
        #expect(try second.get("key") == [1])
        try second.close()
    }
}
