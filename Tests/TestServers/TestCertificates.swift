import Foundation

/// An authority, and a certificate that it signed for 127.0.0.1 and localhost, made by the openssl command.
package final class TestCertificates: Sendable {
    package let directory: String
    package var authority: String { directory + "/authority.pem" }
    package var certificate: String { directory + "/server.pem" }
    package var key: String { directory + "/server.key" }

    package init(names: String = "IP:127.0.0.1,DNS:localhost") throws {
        let url = FileManager.default.temporaryDirectory.appending(path: "granary-tls-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: url, withIntermediateDirectories: true)
        directory = url.path
        let process = Process()
        process.executableURL = URL(fileURLWithPath: "/bin/bash")
        process.currentDirectoryURL = url
        let script = """
            set -e
            command -v openssl > /dev/null || { echo "no openssl: apt-get install openssl" >&2; exit 1; }
            exec 2> log
            openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=authority -keyout authority.key -out authority.pem
            openssl req -newkey rsa:2048 -nodes -subj /CN=server -keyout server.key -out server.csr
            printf 'subjectAltName=\(names)' > names
            openssl x509 -req -days 2 -in server.csr -CA authority.pem -CAkey authority.key -CAcreateserial \
                -extfile names -out server.pem
            """
        process.arguments = ["-c", script]
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else {
            let log = (try? String(contentsOfFile: directory + "/log", encoding: .utf8)) ?? ""
            throw RedisProcess.NotStarted(description: "openssl made no certificate: \(log)")
        }
    }

    deinit { try? FileManager.default.removeItem(atPath: directory) }
}
