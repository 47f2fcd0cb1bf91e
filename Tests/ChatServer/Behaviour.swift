import Foundation

/// How one request is answered.
///
/// A path is `/RUN/BEHAVIOUR,BEHAVIOUR,…/chat/completions`, or that of a dataset viewer behind the behaviours: the first
/// request of the run gets the first behaviour, and so on; the last one stays.
struct Behaviour: Sendable {
    /// What a server that behaves well sends.
    struct Answer {
        var status = 200
        var body: Data
        var headers: [String] = []
    }

    var bytes: [UInt8]
    var delayMilliseconds = 0
    var closes = false
    /// One byte a second.
    var drips = false

    /// The summary is the text that was asked about, so that a client can tell whose answer it got.
    init(_ name: String, request: [String: Any]) {
        let messages = request["messages"] as? [[String: Any]]
        let text = messages?.first?["content"] as? String ?? ""
        let completion = Self.completion(Self.summary(text), isFunction: request["tools"] != nil)
        self.init(name, answer: Answer(body: completion), text: text)
    }

    init(_ name: String, answer: Answer, text: String = "") {
        let good = Self.response(answer.status, answer.body, headers: answer.headers)
        switch name {
        case _ where name.hasPrefix("ok"):
            bytes = good
            delayMilliseconds = Int(name.dropFirst(2)) ?? 0
        case "429after1": bytes = Self.response(429, Self.failure("slow down"), headers: ["Retry-After: 1"])
        case "429date":
            bytes = Self.response(
                429,
                Self.failure("slow down"),
                headers: ["Retry-After: Sun, 06 Nov 1994 08:49:37 GMT"]
            )
        case "429long": bytes = Self.response(429, Self.failure("slow down"), headers: ["Retry-After: 86400"])
        case "503after1": bytes = Self.response(503, Self.failure("busy"), headers: ["Retry-After: 1"])
        case "503long": bytes = Self.response(503, Self.failure("busy"), headers: ["Retry-After: 86400"])
        case "filtered400": bytes = Self.response(400, Self.failure("not this", code: "content_filter"))
        case "quota": bytes = Self.response(429, Self.failure("no credit", code: "insufficient_quota"))
        case "toolong": bytes = Self.response(400, Self.failure("too long", code: "context_length_exceeded"))
        case "echokey": bytes = Self.response(401, Self.failure("wrong key: Bearer test-key-123"))
        case _ where Int(name) != nil:
            bytes = Self.response(Int(name) ?? 500, Self.failure("status \(name)"))
        case "garbage": bytes = Self.response(200, Data("<html>It works!</html>".utf8))
        case "noise":
            bytes = Array("SSH-2.0-OpenSSH_9.2\r\n\u{0}\u{1}".utf8)
            closes = true
        case "half":
            bytes = Array(good.dropLast(answer.body.count / 2))
            closes = true
        case "badutf8":
            bytes = Self.response(200, Data(answer.body.map { $0 == UInt8(ascii: "s") ? 0xFF : $0 }))
        case "notjson": bytes = Self.response(200, Self.completion("Sure! Here is the summary."))
        case "wrongschema": bytes = Self.response(200, Self.completion(#"{"summary": 5}"#))
        case "extrafield":
            bytes = Self.response(200, Self.completion(Self.summary(text, additional: #","mood":"calm""#)))
        case "oddfield":
            // The terminal is cleared by such a name, and the key is given away.
            let member = Self.quoted("\u{1B}[2J\ntest-key-123 " + String(repeating: "x", count: 10_000))
            bytes = Self.response(200, Self.completion(Self.summary(text, additional: ",\(member):1")))
        case "refusal": bytes = Self.response(200, Self.completion(nil, refusal: "I cannot help with that."))
        case "filtered": bytes = Self.response(200, Self.completion("", finish: "content_filter"))
        case "cut":
            bytes = Self.response(200, Self.completion(String(Self.summary(text).dropLast(9)), finish: "length"))
        case "drip":
            bytes = good
            drips = true
        case "silent":
            bytes = []
        case "hangup":
            bytes = []
            closes = true
        case "huge":
            bytes = Self.response(200, Data(repeating: UInt8(ascii: " "), count: 6 << 20) + answer.body)
        case _ where name.hasPrefix("redirect"):
            let location = "http://127.0.0.1:\(name.dropFirst(8))/elsewhere/ok/chat/completions"
            bytes = Self.response(307, Data(), headers: ["Location: \(location)"])
        default: bytes = Self.response(418, Self.failure("no behaviour \(name)"))
        }
    }

    static func response(_ status: Int, _ body: Data, headers: [String] = []) -> [UInt8] {
        let lines =
            ["HTTP/1.1 \(status) X", "Content-Type: application/json", "Content-Length: \(body.count)"] + headers
        return Array((lines.joined(separator: "\r\n") + "\r\n\r\n").utf8) + body
    }

    static func json(_ object: Any) -> Data {
        (try? JSONSerialization.data(withJSONObject: object, options: .sortedKeys)) ?? Data()
    }

    private static func failure(_ message: String, code: String? = nil) -> Data {
        json(["error": ["message": message, "code": code as Any? ?? NSNull()]])
    }

    // Written by hand: with JSONSerialization the server would take longer than the client that is timed against it.

    private static func summary(_ text: String, additional: String = "") -> String {
        #"{"summary":"# + quoted("S:" + text) + #","request":"R","topic":null,"languages":["English"],"#
            + #""task":"testing","concerning_score":1,"user_frustration":2,"assistant_errors":[]\#(additional)}"#
    }

    private static func completion(
        _ content: String?,
        isFunction: Bool = false,
        refusal: String? = nil,
        finish: String = "stop"
    ) -> Data {
        let content = content.map(quoted) ?? "null"
        let calls = #"[{"id":"1","type":"function","function":{"name":"f","arguments":\#(content)}}]"#
        let message =
            #"{"role":"assistant","refusal":"# + (refusal.map(quoted) ?? "null") + #","content":"#
            + (isFunction ? "null,\"tool_calls\":\(calls)" : content) + "}"
        return Data(
            (#"{"id":"x","object":"chat.completion","choices":[{"index":0,"finish_reason":"\#(finish)","message":"#
                + message
                + #"}],"usage":{"prompt_tokens":100,"completion_tokens":20,"total_tokens":120}}"#).utf8
        )
    }

    private static func quoted(_ text: String) -> String {
        var quoted = Array("\"".utf8)
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): quoted += [UInt8(ascii: "\\"), byte]
            case ..<0x20: quoted += Array((byte < 0x10 ? "\\u000" : "\\u00").utf8) + Array(String(byte, radix: 16).utf8)
            default: quoted.append(byte)
            }
        }
        quoted.append(UInt8(ascii: "\""))
        return String(decoding: quoted, as: UTF8.self)
    }
}
