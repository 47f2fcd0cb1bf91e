import Glibc
import Synchronization

/// Counts records that are reserved and not yet published, so that flushing and sealing can wait for the earlier ones.
///
/// Reservations count under one of two parities; who wants to wait turns the reservation's parity, under its lock, and
/// waits for the old one's counter to drain, which later reservations cannot hold up. One waiter at a time turns it:
/// `turn` is what they take turns by.
final class PublicationBarrier: Sendable {
    private let even = PaddedCounter()
    private let odd = PaddedCounter()
    private let turn = Mutex<Void>(())

    /// Counts a reservation; under the reservation lock, so that it counts before anyone who looks later.
    @inline(__always)
    func begin(_ ticket: Reservation.Ticket) {
        if ticket.parity == 0 {
            even.value.wrappingAdd(1, ordering: .relaxed)
        } else {
            odd.value.wrappingAdd(1, ordering: .relaxed)
        }
    }

    @inline(__always)
    func end(_ ticket: Reservation.Ticket) {
        if ticket.parity == 0 {
            even.value.wrappingSubtract(1, ordering: .releasing)
        } else {
            odd.value.wrappingSubtract(1, ordering: .releasing)
        }
    }

    /// Takes a snapshot under the reservation lock, and returns it once every record reserved before is published: as
    /// long as copying it takes.
    func settle<Snapshot: Sendable>(
        _ reservation: borrowing Mutex<Reservation>,
        _ snapshot: (inout Reservation) -> Snapshot
    ) -> Snapshot {
        turn.withLock { _ in
            let (parity, result) = reservation.withLock { reservation in
                defer { reservation.parity ^= 1 }
                return (reservation.parity, snapshot(&reservation))
            }
            while (parity == 0 ? even.value.load(ordering: .acquiring) : odd.value.load(ordering: .acquiring)) != 0 {
                sched_yield()
            }
            return result
        }
    }
}
