extension Duration {
    /// Twice as long for each of so many times, up to the longest: how exponential back-off grows.
    package func doubled(_ times: Int, atMost longest: Duration) -> Duration {
        var duration = min(self, longest)
        var left = times
        // Ends long before it overflows: at the longest.
        while left > 0, duration > .zero, duration < longest {
            duration = min(duration * 2, longest)
            left -= 1
        }
        return duration
    }
}
