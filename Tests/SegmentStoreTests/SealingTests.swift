import Glibc
import Synchronization
import TestSupport
import Testing

@testable import SegmentStore

/// Sealing a segment in which not everything that was reserved is a record.
@Suite(.inTurnOnOwnThread) struct SealingTests {
    /// What became of a reservation.
    enum Loss: CaseIterable {
        /// Its writer never published it.
        case unpublished
        /// Something else has written over its frame, so that the segment has to be scanned.
        case overwritten
    }

    /// Rows enough that some of them are written before it turns out that they are not as many as there were reservations.
    private static let count = 2_000

    @Test(arguments: Loss.allCases, [false, true])
    func theFooterNamesWhatIsThere(_ loss: Loss, isContinued: Bool) throws {
        for mayPunch in [true, false] {
            let directory = try TemporaryDirectory(inMemory: true)
            let files = FaultyFileLayer()
            var options = StoreOptions.stepped()
            options.files = files
            if !mayPunch {
                files.arm(FaultyFileLayer.Fault(calls: [.punchHole], effect: .error(EOPNOTSUPP), isLasting: true))
            }
            var store = try SegmentStore(directory: directory.path, options: options)
            if isContinued {
                for number in 0..<100 { try store.set("old \(number)", to: text("old")) }
                try store.close()
                store = try SegmentStore(directory: directory.path, options: options)
            }
            for number in 0..<Self.count { try store.set("\(number)", to: text("value \(number)")) }
            let lost = Self.count - 10
            try strike(loss, "\(lost)", in: store)
            try store.close()

            let reopened = try SegmentStore(directory: directory.path, options: .stepped())
            #expect(reopened.recoveryReport.footersUsed == 1 && reopened.recoveryReport.segmentsScanned == 0)
            #expect(reopened.count == Self.count - 1 + (isContinued ? 100 : 0))
            for number in 0..<Self.count {
                #expect(try reopened.get("\(number)") == (number == lost ? nil : text("value \(number)")))
            }
            let kinds = Set(try reopened.verify().findings.map(\.kind))
            #expect(kinds == (loss == .unpublished ? [.tornRecord] : [.damagedRecord]))
            try reopened.close()
        }
    }

    /// With the other loss in the same segment the rows are counted again; the count must not pass over what is damaged, for
    /// only its row hides what it replaced.
    @Test func anOlderValueDoesNotComeBackForADamagedOne() throws {
        let directory = try TemporaryDirectory(inMemory: true)
        let store = try SegmentStore(directory: directory.path, options: .stepped())
        try store.set("damaged", to: text("older"))
        for number in 0..<Self.count { try store.set("\(number)", to: text("value \(number)")) }
        try store.set("damaged", to: text("newer"))
        let record = try record(of: "damaged", in: store)
        let length = Frame.length(of: record.load(as: UInt64.self))
        let value = try #require(RecordView(base: record, length: length).storedValue.baseAddress)
        record.storeBytes(of: UInt8(ascii: "N"), toByteOffset: value - UnsafeRawPointer(record), as: UInt8.self)
        try strike(.unpublished, "7", in: store)
        try store.close()

        let reopened = try SegmentStore(directory: directory.path, options: .stepped())
        #expect(reopened.recoveryReport.footersUsed == 1 && reopened.recoveryReport.segmentsScanned == 0)
        #expect(try reopened.get("damaged") == nil)
        #expect(try reopened.get("7") == nil)
        #expect(try reopened.get("8") == text("value 8"))
        try reopened.close()
    }

    private func strike(_ loss: Loss, _ key: String, in store: SegmentStore) throws {
        let record = try record(of: key, in: store)
        switch loss {
        case .unpublished: record.storeBytes(of: 0, toByteOffset: 8, as: UInt64.self)
        case .overwritten: record.storeBytes(of: .max, toByteOffset: 0, as: UInt64.self)
        }
    }

    /// The newest record of the key, in the segment that is being written.
    private func record(of key: String, in store: SegmentStore) throws -> UnsafeMutableRawPointer {
        let segment = store.segments[try #require(store.segments.inUse.first)]
        let hash = text(key).withUnsafeBytes { store.hash(of: $0) }
        var place: UnsafeMutableRawPointer?
        let isWhole = WrittenRows(
            base: segment.pointee.base,
            header: segment.pointee.header,
            salt: segment.pointee.salt,
            range: Format.recordsStart..<segment.pointee.recordEnd.load(ordering: .acquiring)
        ).forEach { row in
            if row.keyHash == hash { place = segment.pointee.base + row.offset }
        }
        return try #require(isWhole ? place : nil)
    }
}
