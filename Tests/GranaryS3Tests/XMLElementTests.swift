import GranaryTesting
import TestSupport
import Testing

@testable import GranaryS3

/// The XML that S3 sends, and what is refused.
@Suite(.inTurn) struct XMLElementTests {
    private static let listing = """
        <?xml version="1.0" encoding="UTF-8"?>
        <!-- a comment -->
        <ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/" other = 'a > b'>
          <Name>bucket</Name><Prefix/><Marker />
          <Contents><Key>a&amp;b &lt;&#x1F600;&#233;&gt;</Key><!-- <Key>no</Key> --><Size>12</Size></Contents>
        </ListBucketResult >

        """

    @Test func readsElementsTextAndEntities() throws {
        let root = try XMLElement(parsing: Array(Self.listing.utf8))
        #expect(root.name == "ListBucketResult")
        #expect(root.children.map(\.name) == ["Name", "Prefix", "Marker", "Contents"])
        #expect(root["Name"] == "bucket")
        #expect(root["Prefix"] == "")
        #expect(root["Nothing"] == nil)
        #expect(root.children[3]["Key"] == "a&b <😀é>")
        #expect(root.children[3]["Size"] == "12")
    }

    @Test func refusesEveryBeginningOfADocument() {
        let bytes = Array(Self.listing.utf8)
        let whole = bytes.count - 1
        for length in 0..<(whole - 1) {
            #expect(throws: XMLError.self) { try XMLElement(parsing: Array(bytes.prefix(length))) }
        }
    }

    @Test(arguments: [
        "", "plain text", "{\"json\": true}", "<a>", "</a>", "<a></b>", "<a/><b/>", "<a/>text", "text<a/>",
        "<a>&nbsp;</a>",
        "<a>&amp</a>", "<a>&#xD800;</a>", "<a>&#;</a>", "<a>& </a>", "<!DOCTYPE a><a/>",
        "<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>", "<a><![CDATA[b]]></a>", "<a><?b?></a>", "<a b></a>", "<a b=c/>",
        "<a b=\"c></a>", "<a b=\"1\"c=\"2\"/>", "< a/>", "<a", "<a><!-- </a>", "<é/>",
        "<a><b><c></b></c></a>",
    ])
    func refusesWhatIsNotXMLOfThatKind(_ text: String) {
        #expect(throws: XMLError.self) { try XMLElement(parsing: Array(text.utf8)) }
    }

    @Test func refusesTextThatIsNotUTF8AndElementsTooDeep() {
        #expect(throws: XMLError.self) { try XMLElement(parsing: Array("<a>".utf8) + [0xFF] + Array("</a>".utf8)) }
        let deep = String(repeating: "<a>", count: 17) + String(repeating: "</a>", count: 17)
        #expect(throws: XMLError.self) { try XMLElement(parsing: Array(deep.utf8)) }
        let name = String(repeating: "a", count: 200)
        #expect(throws: XMLError.self) { try XMLElement(parsing: Array("<\(name)/>".utf8)) }
    }

    /// None traps, whatever else becomes of it.
    @Test func survivesDocumentsWithBytesChanged() {
        var random = SeededGenerator(seed: 5)
        let bytes = Array(Self.listing.utf8)
        let marks = Array("<>/&;!?-=\"' #x".utf8) + [0, 0xFF, 0xC3]
        var refused = 0
        for _ in 0..<20_000 {
            var changed = bytes
            for _ in 0..<Int.random(in: 1...4, using: &random) {
                let place = Int.random(in: 0..<changed.count, using: &random)
                switch UInt8.random(in: 0...2, using: &random) {
                case 0: changed[place] = marks.randomElement(using: &random) ?? 0
                case 1: changed.remove(at: place)
                default: changed.insert(marks.randomElement(using: &random) ?? 0, at: place)
                }
            }
            if (try? XMLElement(parsing: changed)) == nil { refused += 1 }
        }
        #expect(refused > 10_000)
    }
}
