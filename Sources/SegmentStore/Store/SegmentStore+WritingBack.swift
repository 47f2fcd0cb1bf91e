import Synchronization

/// Giving up a segment forces all that was written since the last one, and a set may be waiting for it: the disk is kept at
/// work while a victim is being emptied, so that little is left to wait for.
extension SegmentStore {
    /// It is seen to again after so many bytes of a victim.
    static let writingStep = 512 << 10

    private static let hugePage = 2 << 20
    private static let smallBlock = 256 << 10

    /// Has the system begin to write back what will have to be forced when the present victim is given up.
    func startWritingBack() {
        let extents = reservation.withLock { $0.unforced + $0.activeExtents(in: segments) }
        for extent in extents { startWritingBack(extent) }
    }

    private func startWritingBack(_ extent: Reservation.Extent) {
        let stripe = Stripe.current
        guard segments.pin(extent.slot, stripe: stripe) else { return }
        defer { segments.unpin(extent.slot, stripe: stripe) }
        let segment = segments[extent.slot]
        guard segment.pointee.number.load(ordering: .relaxed) == extent.number else { return }
        let begun = max(
            segment.pointee.writingEnd.load(ordering: .relaxed),
            segment.pointee.forcedEnd.load(ordering: .relaxed)
        )
        // What is written before it is full is written twice, and a huge page is written whole.
        let block = segment.pointee.header.capacity >= 4 * Self.hugePage ? Self.hugePage : Self.smallBlock
        let (start, end) = (begun / block * block, extent.end / block * block)
        guard end > start else { return }
        segment.pointee.writingEnd.store(end, ordering: .relaxed)
        files.startWriting(segment.pointee.path, offset: start, count: end - start)
    }
}
