import TestSupport
import Testing

@testable import GranarySummaries

@Suite(.inTurn) struct JSONSchemaTests {
    private let schema = JSONSchema.object([
        ("summary", .string("What happened")),
        ("priority", .integer(in: 1...3)),
        ("mood", .choice(of: ["calm", "angry"]).orNull),
        ("tags", .array(of: .object([("name", .string())]))),
        ("sure", .boolean()),
        ("share", .number()),
    ])

    @Test func isStrictByConstruction() {
        #expect(
            schema.json.description
                == #"{"type":"object","properties":{"summary":{"type":"string","description":"What happened"},"#
                + #""priority":{"type":"integer","minimum":1,"maximum":3},"#
                + #""mood":{"type":["string","null"],"enum":["calm","angry",null]},"#
                + #""tags":{"type":"array","items":{"type":"object","properties":{"name":{"type":"string"}},"#
                + #""required":["name"],"additionalProperties":false}},"sure":{"type":"boolean"},"#
                + #""share":{"type":"number"}},"required":["summary","priority","mood","tags","sure","share"],"#
                + #""additionalProperties":false}"#
        )
    }

    private let fitting: JSONObject = [
        "summary": "s", "priority": 2, "mood": "calm", "tags": [["name": "n"]], "sure": true, "share": 0.5,
    ]

    @Test func acceptsWhatFits() throws {
        try schema.validate(.object(fitting))
        var other = fitting
        other.set(nil, for: "mood")
        other.set([], for: "tags")
        other.set(.number(JSONNumber("3.0")!), for: "priority")
        try schema.validate(.object(other))
    }

    @Test(
        arguments: [
            ("summary", "5", "summary is not a string"), ("summary", "null", "summary is not a string"),
            ("priority", "4", "priority is not a whole number from 1 to 3"),
            ("priority", "1.5", "priority is not a whole number from 1 to 3"),
            ("mood", #""sad""#, #"mood is not one of "calm", "angry" or null"#),
            ("tags", #"[{"name":"n"},{}]"#, "tags[1].name is not there"),
            ("tags", #"[{"name":"n","x":1}]"#, "tags[0].x is not a property of the schema"),
            ("sure", "1", "sure is not true or false"), ("share", "true", "share is not a number"),
            ("more", "1", "more is not a property of the schema"),
        ]
    )
    func refusesWhatDoesNotFit(name: String, value: String, reason: String) throws {
        var other = fitting
        other.set(try JSONValue(json: Array(value.utf8)), for: name)
        let error = #expect(throws: SchemaMismatch.self) { try schema.validate(.object(other)) }
        #expect(error?.description.hasPrefix(reason) == true)
    }

    @Test func ofANameGivenTwiceTheLastOneCountsInTheFirstOnesPlace() throws {
        let schema = JSONSchema.object([("a", .integer(in: 1...5)), ("b", .string()), ("a", .integer(in: 1...10))])
        #expect(schema == JSONSchema.object([("a", .integer(in: 1...10)), ("b", .string())]))
        try schema.validate(["a": 7, "b": "x"])
        let error = #expect(throws: SchemaMismatch.self) { try schema.validate(["a": 11, "b": "x"]) }
        #expect(error?.description == "a is not a whole number from 1 to 10")
    }

    @Test func refusesSchemasThatNoModelTakes() {
        enum Nameless: SummarySchema {
            static let name = "not a name"
            static let properties = StandardSummary.properties
        }
        enum Empty: SummarySchema {
            static let name = "Empty"
            static let properties: [(String, JSONSchema)] = [("topic", .string())]
        }
        enum Replaced: SummarySchema {
            static let name = "Replaced"
            static let properties = StandardSummary.properties + [("summary", .integer())]
        }
        for type in [Nameless.self, Empty.self, Replaced.self] as [any SummarySchema.Type] {
            #expect(throws: ChatSettingsError.self) { try SchemaDocument(type) }
        }
    }

    @Test func contentKeepsWhatIsNoPartAsExtra() throws {
        let json =
            #"{"summary":"s","topic":["a"],"priority":2,"concerning_score":3.0,"languages":null,"é":1,"e\#u{301}":2}"#
        let content = try #require(SummaryContent(try JSONValue(json: Array(json.utf8))))
        #expect(content.concerningScore == 3 && content.topic == nil && content.languages == nil)
        #expect(content.extra.members.map(\.name.utf8.count) == [5, 8, 2, 3])
        #expect(SummaryContent(content.json) == content)
    }
}
