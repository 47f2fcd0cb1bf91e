import TestSupport
import Testing

@testable import GranarySummaries

private func value(_ text: String) throws -> JSONValue {
    try JSONValue(json: Array(text.utf8))
}

private func written(_ text: String) throws -> String {
    try value(text).description
}

@Suite(.inTurn) struct JSONReaderTests {
    static let everything =
        #"{"text":"a\"\\\/\b\f\n\r\t\u0041\uD83D\uDE00é😀","numbers":[0,-0,1.0,1e400,-12.50E+03,12345678901234567890],"#
        + #" "flags" : [ true , false , null ] , "empty":[{},[],""],"":{"nested":{"deep":[[["x"]]]}}}"#

    // MARK: What is read

    @Test(arguments: [
        "0", "-0", "1.0", "-1.50", "1e400", "1E+2", "1e-07", "12345678901234567890", "0.1000", "123456789.123456789e99",
    ])
    func numberKeepsItsText(text: String) throws {
        #expect(try written(text) == text)
        #expect(try written("[\(text),{\"n\":\(text)}]") == "[\(text),{\"n\":\(text)}]")
        #expect(JSONNumber(text)?.text == text)
    }

    @Test(arguments: [
        "", " 1", "1 ", "01", ".5", "1.", "+1", "-", "1e", "NaN", "Infinity", "0x10", "1,2", "\u{FEFF}1", "１",
    ])
    func textThatIsNoNumberMakesNone(text: String) {
        #expect(JSONNumber(text) == nil)
    }

    @Test func numberConvertsWhereItFits() throws {
        #expect(JSONNumber("12")?.intValue == 12)
        #expect(JSONNumber("12345678901234567890")?.intValue == nil)
        #expect(JSONNumber("1.0")?.intValue == nil)
        #expect(JSONNumber("1.5")?.doubleValue == 1.5)
        #expect(JSONNumber("1e400")?.doubleValue == nil)
        #expect(JSONNumber(UInt64.max).text == "18446744073709551615")
        #expect(JSONNumber(1e21)?.text == "1e+21")
        #expect(JSONNumber(Double.infinity) == nil)
        #expect(JSONNumber(Double.nan) == nil)
    }

    @Test func numbersOfDifferentTextDiffer() throws {
        #expect(try value("1.0") != value("1"))
        #expect(try value("1.0") == value(" 1.0 "))
    }

    @Test func escapesAreResolved() throws {
        #expect(
            try value(#""\"\\\/\b\f\n\r\t\u0000\u0041\u00e9\uFFFF\uD834\uDD1E\udbff\udfff""#)
                == .string("\"\\/\u{8}\u{C}\n\r\t\0A\u{E9}\u{FFFF}\u{1D11E}\u{10FFFF}")
        )
    }

    @Test func everyLengthOfUTF8IsReadAndWrittenRaw() throws {
        let text = "\"\u{7F}\u{80}\u{7FF}\u{800}\u{D7FF}\u{E000}\u{FFFF}\u{10000}\u{10FFFF}\""
        #expect(Array(try written(text).utf8) == Array(text.utf8))
    }

    @Test func objectKeepsTheOrderOfItsMembers() throws {
        let names = (0..<100).map { "\"n\(($0 * 37) % 100)\":\($0)" }.joined(separator: ",")
        #expect(try written("{\(names)}") == "{\(names)}")
        #expect(try value(#"{"a":1,"b":2}"#) != value(#"{"b":2,"a":1}"#))
    }

    @Test func duplicateNameKeepsItsFirstPlaceAndItsLastValue() throws {
        #expect(try written(#"{"a":1,"b":2,"a":3}"#) == #"{"a":3,"b":2}"#)
        #expect(try written(#"{"a":1,"\u0061":2}"#) == #"{"a":2}"#)
        let many = (0..<40).map { "\"n\($0)\":\($0)" }.joined(separator: ",")
        #expect(try written("{\(many),\"n3\":true,\"n39\":false}").contains("\"n3\":true,\"n4\""))
        #expect(try value("{\(many),\"n3\":true,\"n39\":false}")["n39"] == .bool(false))
    }

    @Test func canonicallyEquivalentTextsStayApart() throws {
        let composed = "\u{E9}"
        let decomposed = "e\u{301}"
        #expect(JSONValue.string(composed) != .string(decomposed))
        #expect(Set<JSONValue>([.string(composed), .string(decomposed)]).count == 2)
        let object = try value("{\"\(composed)\":1,\"\(decomposed)\":2}")
        #expect(object[composed] == 1)
        #expect(object[decomposed] == 2)
        #expect(try value("{\"\(composed)\":1}") != value("{\"\(decomposed)\":1}"))
        let many = (0..<40).map { "\"n\($0)\":0" }.joined(separator: ",")
        #expect(try value("{\(many),\"\(composed)\":1}")[decomposed] == nil)
        #expect(try value("{\(many),\"\(composed)\":1}")[composed] == 1)
    }

    @Test func whiteSpaceIsAllowedBetweenTokensOnly() throws {
        #expect(try written(" \t\r\n[ 1 , { \"a\" : true } , null ]\n") == #"[1,{"a":true},null]"#)
        #expect(jsonRefusal(of: Array("[1,\u{A0}2]".utf8)) != nil)
    }

    @Test func byteOrderMarkIsSkippedAndCounted() throws {
        let mark: [UInt8] = [0xEF, 0xBB, 0xBF]
        #expect(try JSONValue(json: mark + Array("[1]".utf8)) == [1])
        #expect(jsonRefusal(of: mark + Array("[x]".utf8))?.offset == 4)
        #expect(jsonRefusal(of: mark)?.offset == 3)
        #expect(jsonRefusal(of: mark + mark + [0x31]) != nil)
    }

    @Test func literalsMakeValues() throws {
        let literal: JSONValue = ["a": nil, "b": true, "c": [1, 2.5, "x"], "d": [:], "a": 1]
        #expect(literal.description == #"{"a":1,"b":true,"c":[1,2.5,"x"],"d":{}}"#)
        #expect(try JSONValue(json: literal.json) == literal)
        #expect(literal["zz"] == nil)
        #expect(JSONValue.bool(true)["a"] == nil)
    }

    // MARK: Pulling

    @Test func valuesAreReadOneByOne() throws {
        let text = #" {"s":"x","n":1.0,"b":true,"skip":[{"a":[1]},{}],"z":null,"e":[],"l":[1,2]} "#
        var reader = try JSONReader(Array(text.utf8))
        #expect(try reader.beginObject() == 1)
        #expect(try reader.nextMember() == "s")
        #expect(try reader.readString() == "x")
        #expect(try reader.nextMember() == "n")
        #expect(try reader.readNumber().text == "1.0")
        #expect(try reader.nextMember() == "b")
        #expect(try reader.readBool())
        #expect(try reader.nextMember() == "skip")
        try reader.skipValue()
        #expect(try reader.nextMember() == "z")
        #expect(try reader.readStringOrNull() == nil)
        #expect(try reader.nextMember() == "e")
        try reader.beginArray()
        #expect(try !reader.nextElement())
        #expect(try reader.nextMember() == "l")
        try reader.beginArray()
        #expect(try reader.nextElement())
        #expect(try reader.readNumber().intValue == 1)
        #expect(try reader.nextElement())
        #expect(try reader.readValue() == 2)
        #expect(try !reader.nextElement())
        #expect(try reader.nextMember() == nil)
        try reader.finish()
    }

    @Test func aValueOfAnotherKindIsNamed() throws {
        var reader = try JSONReader(Array("[[1,2]]".utf8))
        try reader.beginArray()
        _ = try reader.nextElement()
        let error = #expect(throws: JSONError.self) { try reader.readString() }
        #expect(error?.description == "byte offset 1: expected a string, found an array")
    }

    @Test func aValueOfAnotherKindThatIsBrokenIsReportedAsBroken() throws {
        var reader = try JSONReader(Array("[1,2".utf8))
        let error = #expect(throws: JSONError.self) { try reader.readString() }
        #expect(error?.reason == .unexpectedEnd(expected: "',' or ']'"))
    }

    // MARK: Writing

    @Test func onlyQuotesBackslashesAndControlCharactersAreEscaped() {
        #expect(
            JSONValue.string("\"\\/\u{8}\t\n\u{B}\u{C}\r\0\u{1F}\u{7F}\u{2028}é😀").description
                == #""\"\\/\b\t\n\u000b\f\r\u0000\u001f"# + "\u{7F}\u{2028}é😀\""
        )
    }

    @Test func structsAreWrittenByHand() throws {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("text", "a\"b")
        writer.member("absent", ifPresent: nil)
        writer.member("present", ifPresent: "x")
        writer.member("count", 3 as UInt8)
        writer.member("isDone", false)
        writer.member("exact", try #require(JSONNumber("1.00")))
        writer.member("object", ["z": 1, "a": [2, nil]] as JSONObject)
        writer.member("value", .null)
        writer.name("list")
        writer.beginArray()
        writer.write(1)
        writer.beginObject()
        writer.endObject()
        writer.writeNull()
        writer.endArray()
        writer.endObject()
        #expect(
            String(decoding: writer.bytes, as: UTF8.self)
                == #"{"text":"a\"b","present":"x","count":3,"isDone":false,"exact":1.00,"#
                + #""object":{"z":1,"a":[2,null]},"value":null,"list":[1,{},null]}"#
        )
    }

    // MARK: Chance

    @Test(arguments: 1...20 as ClosedRange<UInt64>)
    func mutatedTextIsRefusedOrReadTheSameTwice(seed: UInt64) throws {
        var mutator = SeededMutator(seed: seed)
        let bytes = Array(Self.everything.utf8)
        for round in 0..<500 {
            let mutated = mutator.mutate(bytes)
            guard jsonRefusal(of: mutated) == nil else { continue }
            let value = try JSONValue(json: mutated)
            #expect(try JSONValue(json: value.json) == value, "seed \(seed), round \(round): \(mutated)")
        }
    }
}
