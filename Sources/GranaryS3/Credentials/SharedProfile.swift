internal import FoundationEssentials

/// What the shared files say of one profile: `~/.aws/credentials`, with sections by the profile's name, before
/// `~/.aws/config`, with sections `default` and `profile NAME`.
///
/// Source: <https://docs.aws.amazon.com/sdkref/latest/guide/file-format.html>.
struct SharedProfile: Sendable {
    let name: String
    private let settings: [String: String]

    private static let longestFile = 1 << 20

    /// Reads the profile of that name, or of the one that the environment names; nil if no file has it.
    ///
    /// - Throws: `S3CacheError` where a file is there and cannot be read, and where a profile that somebody named is in
    ///   none.
    static func load(_ name: String?, environment: [String: String]) throws(S3CacheError) -> SharedProfile? {
        let given = name ?? environment.value("AWS_PROFILE")
        let name = given ?? "default"
        var settings = try read("AWS_CONFIG_FILE", "config", environment) { section in
            section == "default" ? "default" : section.hasPrefix("profile ") ? trimmed(section.dropFirst(8)) : nil
        }[name]
        let secrets = try read("AWS_SHARED_CREDENTIALS_FILE", "credentials", environment) { $0 }[name]
        if let secrets { settings = (settings ?? [:]).merging(secrets) { $1 } }
        if let settings { return SharedProfile(name: name, settings: settings) }
        guard given == nil else {
            throw S3CacheError(
                .invalidConfiguration,
                location: "s3",
                detail:
                    "no profile \(plainLine(name, hiding: nil)) is in the shared files; check AWS_PROFILE, or add it to "
                    + "~/.aws/credentials"
            )
        }
        return nil
    }

    subscript(setting: String) -> String? { settings.value(setting) }

    /// The credentials in the profile; nil if it has none.
    ///
    /// - Throws: `S3CacheError` where they are incomplete, or to be had by a way that is not supported.
    func credentials() throws(S3CacheError) -> S3Credentials? {
        // A role goes before keys, which then may be those that it is assumed with.
        if self["role_arn"] == nil, let accessKey = self["aws_access_key_id"] {
            guard let secretKey = self["aws_secret_access_key"] else {
                throw S3CacheError(
                    .noCredentials,
                    location: "s3",
                    detail: "profile \(name) has aws_access_key_id without aws_secret_access_key; add it"
                )
            }
            return try S3Credentials(
                accessKey: accessKey,
                secretKey: secretKey,
                sessionToken: self["aws_session_token"]
            )
        }
        let others = ["role_arn", "credential_process", "sso_session", "sso_start_url", "login_session"]
        guard let other = others.first(where: { self[$0] != nil }) else { return nil }
        throw S3CacheError(
            .noCredentials,
            location: "s3",
            detail: "profile \(name) uses \(other), which is not supported; run "
                + "`eval \"$(aws configure export-credentials --profile \(name) --format env)\"` first"
        )
    }

    /// Sections by the profile's name.
    private static func read(
        _ variable: String,
        _ file: String,
        _ environment: [String: String],
        profile: (String) -> String?
    ) throws(S3CacheError) -> [String: [String: String]] {
        let home = environment.value("HOME")
        guard var path = environment.value(variable) ?? home.map({ "\($0)/.aws/\(file)" }) else { return [:] }
        if path.hasPrefix("~/"), let home { path = home + path.dropFirst() }
        guard FileManager.default.fileExists(atPath: path) else { return [:] }
        guard let data = try? Data(contentsOf: URL(filePath: path)), data.count <= longestFile,
            let text = String(validating: data, as: UTF8.self)
        else {
            throw S3CacheError(
                .invalidConfiguration,
                location: "s3",
                detail: "\(path) cannot be read, or is no text of up to \(longestFile) bytes; check the file"
            )
        }
        return parse(text, profile: profile)
    }

    private static func parse(_ text: String, profile: (String) -> String?) -> [String: [String: String]] {
        var sections: [String: [String: String]] = [:]
        var current: String?
        for line in text.split(whereSeparator: \.isNewline) {
            // What is indented continues the setting before it: nested settings, none of which is used here.
            guard let first = line.first, !first.isWhitespace, first != "#", first != ";" else { continue }
            if first == "[" {
                current = line.firstIndex(of: "]").flatMap { profile(trimmed(line[..<$0].dropFirst())) }
                if let current, sections[current] == nil { sections[current] = [:] }
            } else if let current, let equals = line.firstIndex(of: "=") {
                let value = trimmed(withoutComment(line[line.index(after: equals)...]))
                sections[current, default: [:]][trimmed(line[..<equals]).lowercased()] = value
            }
        }
        return sections
    }

    /// A comment behind a value begins with a space.
    private static func withoutComment(_ text: Substring) -> Substring {
        [" #", " ;", "\t#", "\t;"].compactMap { text.firstRange(of: $0)?.lowerBound }.min().map { text[..<$0] } ?? text
    }

    private static func trimmed(_ text: some StringProtocol) -> String {
        var text = Substring(text).drop(while: \.isWhitespace)
        while text.last?.isWhitespace == true { text.removeLast() }
        return String(text)
    }
}

extension [String: String] {
    /// The value, unless it is empty.
    func value(_ name: String) -> String? { self[name].flatMap { $0.isEmpty ? nil : $0 } }
}
