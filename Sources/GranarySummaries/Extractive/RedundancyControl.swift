/// Chooses the next sentence so that it is salient and yet says something new.
///
/// Maximal marginal relevance: J. Carbonell and J. Goldstein, "The Use of MMR, Diversity-Based Reranking for Reordering
/// Documents and Producing Summaries", SIGIR 1998. The relevance here is the centrality of ``SentenceGraph``, scaled to
/// at most one.
enum RedundancyControl {
    /// How much relevance counts against novelty. Chats repeat themselves (an answer opens with the question), so
    /// novelty counts for more than the usual quarter.
    static let relevanceShare = 0.65

    /// The candidate with the greatest marginal relevance; the earlier one of two equals.
    static func next(
        of candidates: [Int],
        relevance: [Double],
        chosen: [Int],
        graph: SentenceGraph
    ) -> Int? {
        var best: Int?
        var bestScore = -Double.infinity
        for candidate in candidates {
            var overlap = 0.0
            for other in chosen { overlap = max(overlap, graph.similarity(candidate, other)) }
            let score = relevanceShare * relevance[candidate] - (1 - relevanceShare) * overlap
            if score > bestScore {
                best = candidate
                bestScore = score
            }
        }
        return best
    }
}
