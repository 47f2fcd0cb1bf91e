/// Why a replay ended, in words for whoever started it.
package struct ReplayError: Error, CustomStringConvertible {
    package var description: String

    package init(_ description: String) { self.description = description }
}
