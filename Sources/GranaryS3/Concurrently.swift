/// The results for all elements, in their order; so many at a time.
///
/// - Throws: what the first that fails throws; the others are cancelled.
func concurrently<Element: Sendable, Result: Sendable>(
    _ elements: [Element],
    atOnce limit: Int,
    _ body: @escaping @Sendable (Element) async throws -> Result
) async throws -> [Result] {
    try await withThrowingTaskGroup(of: (Int, Result).self) { group in
        var results = [Result?](repeating: nil, count: elements.count)
        for (number, element) in elements.enumerated() {
            if number >= limit, let (done, result) = try await group.next() { results[done] = result }
            group.addTask { (number, try await body(element)) }
        }
        for try await (done, result) in group { results[done] = result }
        return results.compactMap { $0 }
    }
}
