/// What a strategy promises: one by one, as `docs/strategies.md` states them.
public enum StrategyPromise: String, CaseIterable, Sendable {
    // Of every `CacheStrategy`.

    /// A value comes back with exactly the bytes that were set, whatever their number.
    case givesBackExactBytes
    /// A value of no bytes is a value.
    case keepsEmptyValues
    /// Values of megabytes are kept.
    case keepsLargeValues
    /// Each of the 256 codings is stored with its value.
    case keepsCodings
    /// A key that was not set has no value.
    case hasNothingUnderOtherKeys
    /// Keys are compared by their UTF-8 bytes, and by nothing else.
    case tellsKeysApartByBytes
    /// Keys may hold spaces, control characters, slashes, dots, any script, and be long.
    case keepsOddKeys
    /// The empty key is refused by an error, or is a key like any other.
    case refusesOrKeepsTheEmptyKey
    /// A set replaces the value and the coding of the key.
    case replacesValues
    /// A get of many keys gives what as many single ones would, in the order of the keys.
    case getsManyAsOneByOne
    /// A set of many entries stores what as many single ones would.
    case setsManyAsOneByOne
    /// Of two entries with one key in a set of many, the later one counts.
    case countsTheLaterOfTwo
    /// An entry lasts for its time and is gone from then on.
    case endsAfterItsTime
    /// An entry lasts until its moment and is gone from then on.
    case endsAtItsMoment
    /// An entry that has ended when it is set is never given back.
    case neverGivesWhatHasEnded
    /// An entry without an end stays.
    case keepsWhatHasNoEnd
    /// A set replaces the end of the key's entry.
    case replacesEnds
    /// A hit has the value that get gives, and is nil where get gives nil; so do many at once.
    case hitsAsItGets
    /// The end of a hit is the entry's, or said to be unknown.
    case tellsEndsRightly
    /// Many tasks at once get whole values, each of its own key.
    case givesWholeValuesToManyTasks
    /// A call whose task was cancelled leaves the strategy as usable as before.
    case survivesCancellation

    // Of every `ManagedCacheStrategy`.

    /// What was removed is gone, and nothing else is.
    case removesTheKeyAlone
    /// Removing tells whether there was something to remove.
    case tellsWhetherItRemoved
    /// Removing everything leaves nothing, and the strategy usable.
    case removesEverything
    /// The count is that of the entries.
    case countsEntries
    /// The keys with a prefix are listed, each once, and no other.
    case listsKeysWithAPrefix
    /// A key that lives throughout is listed exactly once, whatever is set meanwhile.
    case listsEachKeyOnceDuringSets
    /// An entry that has ended is not listed.
    case neverListsWhatHasEnded
    /// The byte count is not negative, and grows with what is stored.
    case growsInBytes
    /// Hits, misses and sets are counted, many at once one by one.
    case countsItsCalls
    /// Flushing changes nothing that can be read.
    case flushesWithoutChange
    /// After closing calls throw, and closing again does nothing.
    case endsWithClosing
}
