/// Why something is forced to the disk: every call that forces names its reason, so that a test can take one out and see
/// what breaks.
package enum ForcePurpose: String, CaseIterable, Sendable {
    /// Records that a set, a flush, the interval or close must not lose.
    case records
    /// Segments that were made or found without being forced: header, length, records and footer.
    case unforcedSegment
    /// The names of such segments, before what they hold counts as forced.
    case unforcedNames
    /// Length and header of a new segment, before its name.
    case newSegment
    /// The name of a new segment, before its first record.
    case newSegmentName
    /// The records of a segment, before its footer names them.
    case recordsBeforeFooter
    /// A footer, before close returns.
    case footer
    /// The zeroed trailer of a segment that is gone on with, before the first record behind the old ones.
    case zeroedTrailer
    /// The record of a clear, before the segments that it ended are deleted.
    case clearBeforeDrop
    /// That those segments are gone.
    case droppedNames
    /// Everything that was appended, before a segment is given up whose records it replaces.
    case recordsBeforeRetirement
    /// That a segment is given up, before anything is forgotten because it is gone.
    case retiredSegment
    /// The directory itself, in its parent.
    case madeDirectory
    /// The same where it was made without being forced, before what lies in it counts as forced.
    case unforcedParent
    /// Names that an earlier process left unforced.
    case foundNames
    /// Records that an earlier process left unforced, before the footer that they get now.
    case foundRecords
}
