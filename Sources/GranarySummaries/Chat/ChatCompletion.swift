/// Reading what a chat completions server sent.
struct ChatCompletion {
    /// Tokens, where the server states them; they were paid for whatever came of the call.
    let usage: TokenUsage?
    private let json: JSONValue

    /// - Throws: `ChatModelError` where that is no JSON.
    init(_ body: [UInt8]) throws(ChatModelError) {
        do throws(JSONError) {
            json = try JSONValue(json: body)
        } catch {
            throw .malformed("\(error)")
        }
        usage = TokenUsage(json["usage"])
    }

    /// The summary, checked against the schema.
    ///
    /// - Throws: `ChatModelError` for whatever is not a whole answer that fits.
    func content(_ document: SchemaDocument, mode: ChatOutputMode, key: APIKey?) throws(ChatModelError)
        -> SummaryContent
    {
        let answer = try answer(mode: mode, key: key)
        let value: JSONValue
        do throws(JSONError) {
            value = try JSONValue(json: Array(answer.utf8))
        } catch {
            throw .malformed("its content is no JSON: \(error)")
        }
        do throws(SchemaMismatch) {
            try document.schema.validate(value)
        } catch {
            // Its path holds names that the server wrote; what was expected is the schema's own.
            throw .schemaMismatch(SchemaMismatch(path: plainLine(error.path, key: key), expected: error.expected))
        }
        guard let content = SummaryContent(value) else { throw .malformed("its content has no summary") }
        return content
    }

    /// The JSON that the model wrote, as text.
    private func answer(mode: ChatOutputMode, key: APIKey?) throws(ChatModelError) -> String {
        guard case .array(let choices)? = json["choices"], let choice = choices.first, let message = choice["message"]
        else { throw .malformed("it has no choices[0].message") }
        if let refusal = message["refusal"]?.text, !refusal.isEmpty {
            throw .refused(reason: plainLine(refusal, key: key))
        }
        switch choice["finish_reason"]?.text {
        case "length": throw .cutShort
        case "content_filter": throw .refused(reason: "its content filter")
        default: break
        }
        switch mode {
        case .jsonSchema:
            guard let content = message["content"]?.text else { throw .malformed("its message has no content") }
            return content
        case .functionCall:
            guard case .array(let calls)? = message["tool_calls"], let function = calls.first?["function"],
                let arguments = function["arguments"]?.text
            else { throw .malformed("its message has no call of the function") }
            return arguments
        }
    }
}

extension ChatModelError {
    /// The failure that an answer with another status than 200 is.
    init(_ response: HTTPReply, policy: RetryPolicy, key: APIKey?) {
        let detail = try? JSONValue(json: response.body)
        let error = detail?["error"]
        let message = plainLine(error?["message"]?.text ?? error?.text ?? detail?["message"]?.text ?? "", key: key)
        let code = error?["code"]?.text ?? error?["type"]?.text
        switch response.status {
        case 300..<400:
            self = .redirected(status: response.status, location: plainLine(response.location ?? "", key: key))
        case 401, 403: self = .unauthorised(status: response.status, message: message)
        case 404, 405, 410: self = .notFound(status: response.status, message: message)
        case 413: self = .conversationTooLong(message: message)
        case 400, 422:
            switch code {
            case "context_length_exceeded", "exceed_context_size_error": self = .conversationTooLong(message: message)
            case "content_filter", "content_policy_violation", "invalid_prompt": self = .refused(reason: message)
            default: self = .badRequest(status: response.status, message: message)
            }
        case 402: self = .quotaExhausted(message: message)
        case 429 where code == "insufficient_quota": self = .quotaExhausted(message: message)
        case 429: self = .rateLimited(retryAfter: policy.retryAfter(response.retryAfter), message: message)
        case 408, 409, 500...:
            let wait = policy.retryAfter(response.retryAfter)
            self = .server(status: response.status, retryAfter: wait, message: message)
        case 400..<500: self = .badRequest(status: response.status, message: message)
        default: self = .malformed("status \(response.status)")
        }
    }
}
