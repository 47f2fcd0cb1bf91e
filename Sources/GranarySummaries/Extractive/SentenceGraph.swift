/// How central every sentence is among the others.
///
/// Continuous LexRank: sentences are the nodes of a graph whose edges are the cosines of their tf-idf vectors, and the
/// stationary distribution of a random walk over it, found by power iteration, is their salience. The walk jumps with
/// the probability `jump`, and more often to the sentences favoured by `prior` (the biased form of the method).
///
/// - G. Erkan and D. R. Radev, "LexRank: Graph-based Lexical Centrality as Salience in Text Summarization", Journal of
///   Artificial Intelligence Research 22, 2004.
/// - J. Otterbacher, G. Erkan and D. R. Radev, "Using Random Walks for Question-focused Sentence Retrieval", HLT/EMNLP
///   2005, for the prior.
struct SentenceGraph: Sendable {
    /// Within the range of 0.1 to 0.2 that the paper recommends.
    static let jump = 0.15

    /// Below the paper's cut-off of 0.1 two sentences share only chance words.
    static let leastSimilarity = 0.1

    private static let iterations = 60
    private static let tolerance = 1e-7

    private(set) var similarities: [Double]
    let count: Int

    /// - Parameter bags: for each sentence the numbers of its content words, repeated as often as they occur.
    init(bags: [[Int]]) {
        count = bags.count
        similarities = [Double](repeating: 0, count: bags.count * bags.count)
        let vectors = Self.vectors(of: bags)
        fill(vectors)
    }

    func similarity(_ first: Int, _ second: Int) -> Double {
        similarities[first * count + second]
    }

    func centrality(prior: [Double]) -> [Double] {
        guard count > 0 else { return [] }
        let total = prior.reduce(0, +)
        let target = total > 0 ? prior.map { $0 / total } : [Double](repeating: 1 / Double(count), count: count)
        let links = self.links()
        var current = target
        for _ in 0..<Self.iterations {
            var next = target.map { $0 * Self.jump }
            for link in links { next[link.to] += (1 - Self.jump) * link.weight * current[link.from] }
            var change = 0.0
            for index in 0..<count { change += abs(next[index] - current[index]) }
            current = next
            if change < Self.tolerance { break }
        }
        return current
    }

    private struct Link {
        var from: Int
        var to: Int
        var weight: Double
    }

    /// The edges over the cut-off, weighted so that those leaving a sentence sum to one. Every sentence is similar to
    /// itself, as in the paper, so that none is without an edge.
    private func links() -> [Link] {
        var links: [Link] = []
        for from in 0..<count {
            let start = links.count
            var sum = 0.0
            for to in 0..<count {
                let weight = from == to ? 1 : similarity(from, to)
                guard weight >= Self.leastSimilarity else { continue }
                links.append(Link(from: from, to: to, weight: weight))
                sum += weight
            }
            for index in start..<links.count { links[index].weight /= sum }
        }
        return links
    }

    private struct Entry {
        var word: Int
        var weight: Double
    }

    /// Unit vectors of tf-idf weights, each sorted by word so that sums are taken in one fixed order.
    private static func vectors(of bags: [[Int]]) -> [[Entry]] {
        var frequencies: [Int: Int] = [:]
        let vectors = bags.map { bag in
            var vector: [Entry] = []
            for word in bag.sorted() {
                if vector.last?.word == word {
                    vector[vector.count - 1].weight += 1
                } else {
                    vector.append(Entry(word: word, weight: 1))
                    frequencies[word, default: 0] += 1
                }
            }
            return vector
        }
        let sentences = Double(bags.count)
        return vectors.map { vector in
            var weighted = vector
            var squares = 0.0
            for index in weighted.indices {
                let frequency = Double(frequencies[weighted[index].word] ?? 1)
                // One more than the usual weight, as in a short conversation the words of its subject stand in every
                // sentence and would otherwise weigh nothing.
                weighted[index].weight *= 1 + Logarithm.base2(sentences / frequency)
                squares += weighted[index].weight * weighted[index].weight
            }
            guard squares > 0 else { return weighted }
            let length = squares.squareRoot()
            for index in weighted.indices { weighted[index].weight /= length }
            return weighted
        }
    }

    /// Only sentences that share a word are compared: through a list of the sentences that hold each word.
    private mutating func fill(_ vectors: [[Entry]]) {
        var holders: [Int: [Entry]] = [:]
        for (sentence, vector) in vectors.enumerated() {
            for entry in vector {
                for holder in holders[entry.word] ?? [] {
                    similarities[sentence * count + holder.word] += entry.weight * holder.weight
                }
                holders[entry.word, default: []].append(Entry(word: sentence, weight: entry.weight))
            }
            for other in 0..<sentence {
                similarities[other * count + sentence] = similarities[sentence * count + other]
            }
            similarities[sentence * count + sentence] = vector.isEmpty ? 0 : 1
        }
    }
}

/// Logarithms from the four operations alone, which IEEE 754 rounds alike everywhere; those of C libraries differ in
/// the last bit between versions, and one bit can turn a near tie between two sentences.
enum Logarithm {
    private static let twoOverNaturalLogOf2 = 2.885_390_081_777_926_8

    /// The logarithm of a positive number to the base 2, right to about ten digits.
    static func base2(_ value: Double) -> Double {
        guard value > 0, value.isFinite else { return 0 }
        let ratio = (value.significand - 1) / (value.significand + 1)
        let square = ratio * ratio
        var term = ratio
        var sum = 0.0
        var divisor = 1.0
        for _ in 0..<10 {
            sum += term / divisor
            term *= square
            divisor += 2
        }
        return Double(value.exponent) + twoOverNaturalLogOf2 * sum
    }
}
