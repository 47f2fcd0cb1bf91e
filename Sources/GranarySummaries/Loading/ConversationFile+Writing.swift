extension ConversationFile {
    /// The conversations as the JSON array that reading accepts, one a line: reading it gives back the same.
    public static func json(_ conversations: [Conversation]) -> [UInt8] {
        JSONWriter.lines(of: conversations) { write($0, to: &$1) }
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
