import FuzzSupport

@testable import SegmentStore

/// Opens the input as one segment, as the opener of a store does, and compares what it finds with the reference.
func openSegment(_ input: FuzzInput) {
    var input = input
    let control = input.byte()
    let besideWriter = control & 1 != 0
    let file = SegmentLayout(input).makeFile()
    defer { file.deallocate() }
    let bytes = UnsafeRawBufferPointer(file)

    Allocations.reset()
    let pair = HeaderPair(startOfFile: RawSpan(_unsafeBytes: bytes.part(0, min(1_024, bytes.count))))
    let reference = ReferenceHeader.ruling(bytes)
    check((pair.unsupportedReason != nil) == ReferenceHeader.isUnsupported(bytes), "a newer format")
    check(pair.header.map(ReferenceHeader.init) == reference.map(\.withoutState), "headers differ")
    check(pair.isSpare == (reference?.isSpare ?? false), "spare states differ")
    guard let header = pair.header, let reference, let base = bytes.baseAddress else { return }

    let loader = SegmentLoader(
        path: "segment",
        header: header,
        isWhole: bytes.count >= header.capacity,
        besideWriter: besideWriter,
        boot: 1
    )
    let count = min(bytes.count, header.capacity)
    let mapped = bytes.part(0, count)
    let loaded = loader.load(mapped: base, count: count)
    compare(loaded, with: mapped, reference, besideWriter: besideWriter)
    if control & 2 != 0 { compareRead(loaded, loader, bytes) }
    // A row takes 40 bytes and a record 56; arrays grow by doubling, and the scan's findings are few.
    check(Allocations.largest <= 4_096 + 8 * bytes.count, "\(Allocations.largest) bytes allocated at once")
}
