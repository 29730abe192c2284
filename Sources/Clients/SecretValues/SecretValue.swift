package import Domain
import Glibc

/// Why a secret cannot be read: names its source, never its value.
package struct SecretTrouble: Error, Hashable, Sendable {
    package var text: String
}

extension SecretSource {
    private static let largest = 64 << 10

    /// The bytes now: a secret that was changed holds at once. One line break at the end is not part of it.
    package func bytes() throws(SecretTrouble) -> [UInt8] {
        var bytes: [UInt8]
        switch self {
        case .variable(let name):
            guard let value = getenv(name), value.pointee != 0 else {
                throw SecretTrouble(
                    text: "the supervisor has no variable \(name); a file does not depend on who started it")
            }
            bytes = Array(String(cString: value).utf8)
        case .file(let path): bytes = try Self.read(path)
        }
        if bytes.last == 10 { bytes.removeLast() }
        if bytes.last == 13 { bytes.removeLast() }
        guard !bytes.isEmpty else { throw SecretTrouble(text: "\(self) is empty") }
        return bytes
    }

    /// The same as text.
    package func value() throws(SecretTrouble) -> String { String(decoding: try bytes(), as: UTF8.self) }

    private static func read(_ path: String) throws(SecretTrouble) -> [UInt8] {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw unreadable(path) }
        defer { close(descriptor) }
        var bytes = [UInt8](repeating: 0, count: largest + 1)
        var count = 0
        while count < bytes.count {
            let got = bytes.withUnsafeMutableBytes {
                Glibc.read(descriptor, $0.baseAddress?.advanced(by: count), $0.count - count)
            }
            if got < 0, errno == EINTR { continue }
            guard got >= 0 else { throw unreadable(path) }
            if got == 0 { break }
            count += got
        }
        guard count <= largest else { throw SecretTrouble(text: "\(path) is larger than 64 KiB") }
        return Array(bytes[..<count])
    }

    private static func unreadable(_ path: String) -> SecretTrouble {
        SecretTrouble(text: "cannot read \(path): \(String(cString: strerror(errno)))")
    }
}
