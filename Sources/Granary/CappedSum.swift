extension Int {
    /// The sum, or the largest number where that is more: what a server says of its sizes is no reason to stop.
    package func addingCapped(_ other: Int) -> Int {
        let (sum, overflows) = addingReportingOverflow(other)
        return overflows ? .max : sum
    }
}
