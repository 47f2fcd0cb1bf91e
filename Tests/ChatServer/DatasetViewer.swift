import Foundation

/// A dataset viewer with made-up datasets: `splits` and `rows` as the Hugging Face Hub's answers them.
///
/// A dataset is `test/SHAPE-COUNT`: so many rows of that shape, in the split `train` of `default` and a tenth of them in
/// `test`; in `languages-COUNT` the configurations are `de` and `en` and the splits `test` and `validation`. With
/// `preparing` and `failing` there is a third one, `fr`, which the viewer does not have.
enum DatasetViewer {
    /// Nil for what is no request to a viewer.
    static func answer(to target: String, authorization: String?) -> Behaviour.Answer? {
        guard target.hasPrefix("splits?") || target.hasPrefix("rows?"), let parts = URLComponents(string: target) else {
            return nil
        }
        var values: [String: String] = [:]
        for item in parts.queryItems ?? [] { values[item.name] = item.value }
        let name = (values["dataset"] ?? "").split(separator: "/").last.map(String.init) ?? ""
        let shape = String(name.prefix { $0 != "-" })
        guard let count = Int(name.drop { $0 != "-" }.dropFirst()) else {
            let message = "The dataset does not exist, or is not accessible without authentication (private or gated)."
            return authorization == nil
                ? failure(401, message, code: "ExternalUnauthenticatedError")
                : failure(404, "The dataset does not exist.", code: "ExternalAuthenticatedError")
        }
        if shape == "gated" && authorization != "Bearer hf_right" {
            return failure(authorization == nil ? 401 : 403, "Access to this dataset is gated.", code: "Gated")
        }
        let splits = splits(of: shape)
        if parts.path == "splits" { return self.splits(splits, of: values["dataset"] ?? "", shape: shape) }
        guard let offset = values["offset"].flatMap(Int.init), let length = values["length"].flatMap(Int.init),
            offset >= 0, (1...100).contains(length)
        else { return failure(422, "Parameter 'length' must not be greater than 100", code: "InvalidParameter") }
        guard splits.contains(where: { $0.config == values["config"] && $0.split == values["split"] }) else {
            return failure(404, "The split does not exist.", code: "ResponseNotFound")
        }
        let total = values["split"] == "test" ? count / 10 : count
        return rows(shape, from: offset, to: min(total, offset + length), of: total, values["config"] ?? "")
    }

    private static func splits(of shape: String) -> [(config: String, split: String)] {
        switch shape {
        case "languages", "preparing", "failing":
            [("de", "validation"), ("de", "test"), ("en", "test"), ("en", "train")]
        case "broken", "preparingall": []
        case "secret": [("default", "hf_right")]
        default: [("default", "test"), ("default", "train")]
        }
    }

    private static func splits(
        _ splits: [(config: String, split: String)],
        of dataset: String,
        shape: String
    ) -> Behaviour.Answer {
        let failure: [String: Any] = ["dataset": dataset, "config": "fr", "error": ["error": "Cannot be loaded."]]
        let failed = ["broken", "failing"].contains(shape) ? [failure] : []
        let pending = shape.hasPrefix("preparing") ? [["dataset": dataset, "config": "fr"]] : []
        let listed = splits.map { ["dataset": dataset, "config": $0.config, "split": $0.split] }
        return Behaviour.Answer(body: Behaviour.json(["splits": listed, "pending": pending, "failed": failed]))
    }

    private static func rows(
        _ shape: String,
        from start: Int,
        to end: Int,
        of total: Int,
        _ config: String
    ) -> Behaviour.Answer {
        // A viewer may give fewer rows than it was asked for.
        let last = shape == "short" ? min(end, start + 30) : end
        let rows = (min(start, last)..<last).map { number in
            [
                "row_idx": shape == "shifted" && number > 120 ? number + 1 : number,
                "row": row(shape, number, config),
                "truncated_cells": shape == "truncated" && number == 150 ? ["conversations", "unused"] : ["unused"],
            ] as [String: Any]
        }
        let features = row(shape, 0, config).keys.sorted().enumerated().map { place, name in
            ["feature_idx": place, "name": name, "type": ["dtype": "string", "_type": "Value"]] as [String: Any]
        }
        let body: [String: Any] = [
            "features": features, "rows": shape == "endless" && start > 0 ? [] : rows,
            "num_rows_total": shape == "overfull" ? 3 : shape == "boundless" ? Int.max : total,
            "num_rows_per_page": 100, "partial": shape == "partial",
        ]
        let revision = shape == "changing" ? "\(start)" : "1"
        return Behaviour.Answer(body: Behaviour.json(body), headers: ["X-Revision: \(revision)"])
    }

    private static func row(_ shape: String, _ number: Int, _ config: String) -> [String: Any] {
        let (question, answer) = ("\(config) question \(number)", "answer \(number)")
        switch shape {
        case "sharegpt", "truncated":
            return [
                "conversations": [["from": "human", "value": question], ["from": "gpt", "value": answer]],
                "unused": "cut",
            ]
        case "claude":
            return [
                "uuid": "u\(number)",
                "chat_messages": [["sender": "human", "text": question], ["sender": "assistant", "text": answer]],
            ]
        case "text":
            let messages = [["role": "user", "content": question], ["role": "assistant", "content": answer]]
            return ["id": number, "messages": String(decoding: Behaviour.json(messages), as: UTF8.self)]
        case "lists":
            return ["id": number, "conversation": ["role": ["user", "assistant"], "content": [question, answer]]]
        case "odd":
            let talk = [["role": "user", "content": question]]
            return ["key": "k\(number)", "talk": talk, "at": number, "mood": "calm"]
        case "secret": return ["hf_right": ["hf_right": 5]]
        case "wrong":
            let messages: Any = number == 103 ? 5 : [["role": "user", "content": question]]
            return ["id": "w\(number)", "messages": messages]
        default:
            return [
                "chat_id": "c\(number)", "created_at": "2026-01-02T03:04:05", "metadata": ["n": number],
                "messages": [
                    ["role": "user", "content": question, "created_at": "2026-01-02T03:04:05"],
                    ["role": "assistant", "content": answer, "created_at": NSNull()],
                ],
            ]
        }
    }

    private static func failure(_ status: Int, _ message: String, code: String) -> Behaviour.Answer {
        Behaviour.Answer(status: status, body: Behaviour.json(["error": message]), headers: ["X-Error-Code: \(code)"])
    }
}
