extension ConversationFile {
    /// The conversations as the JSON array that reading accepts, one a line: reading it gives back the same.
    public static func json(_ conversations: [Conversation]) -> [UInt8] {
        var bytes = Array("[".utf8)
        for (index, conversation) in conversations.enumerated() {
            bytes.append(contentsOf: (index == 0 ? "\n" : ",\n").utf8)
            var writer = JSONWriter(appendingTo: bytes)
            write(conversation, to: &writer)
            bytes = writer.bytes
        }
        bytes.append(contentsOf: (conversations.isEmpty ? "]\n" : "\n]\n").utf8)
        return bytes
    }

    private static func write(_ conversation: Conversation, to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("chat_id", conversation.chatID)
        writer.member("created_at", ifPresent: conversation.createdAt)
        writer.name("messages")
        writer.beginArray()
        for message in conversation.messages {
            writer.beginObject()
            writer.member("role", message.role)
            writer.member("content", message.content)
            writer.member("created_at", ifPresent: message.createdAt)
            writer.endObject()
        }
        writer.endArray()
        if let metadata = conversation.metadata { writer.member("metadata", metadata) }
        writer.endObject()
    }
}
