/// The operations of a pickle that plain data needs. Each is a byte, followed by an argument for some.
///
/// Source: CPython's `Lib/pickletools.py`, which documents all of them. Those that are not here end the reading; among
/// them are all that look something up or call it by other ways than `global` and `reduce` (INST, OBJ, NEWOBJ_EX, EXT1 to
/// EXT4, PERSID, BINPERSID), the line-based ones of protocol 0, and those that leave the data out of band.
enum PickleOperation: UInt8 {
    case version = 0x80
    case frame = 0x95
    case stop = 0x2E
    case mark = 0x28

    case null = 0x4E
    case newTrue = 0x88
    case newFalse = 0x89
    case integer4 = 0x4A
    case integer1 = 0x4B
    case integer2 = 0x4D
    case long1 = 0x8A
    case long4 = 0x8B
    case real = 0x47
    case text4 = 0x58
    case text1 = 0x8C
    case text8 = 0x8D
    case bytes4 = 0x42
    case bytes1 = 0x43
    case bytes8 = 0x8E

    case emptyList = 0x5D
    case append = 0x61
    case appends = 0x65
    case emptyTuple = 0x29
    case tuple = 0x74
    case tuple1 = 0x85
    case tuple2 = 0x86
    case tuple3 = 0x87
    case emptyDictionary = 0x7D
    case setItem = 0x73
    case setItems = 0x75
    case emptySet = 0x8F
    case addItems = 0x90
    case frozenSet = 0x91

    case get1 = 0x68
    case get4 = 0x6A
    case put1 = 0x71
    case put4 = 0x72
    case memoize = 0x94

    case global = 0x63
    case stackGlobal = 0x93
    case newObject = 0x81
    case reduce = 0x52
    case build = 0x62
}
