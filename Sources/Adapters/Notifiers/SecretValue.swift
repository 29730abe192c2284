import Domain
import Glibc

/// Why a secret cannot be read: names its source, never its value.
struct SecretTrouble: Error, Hashable {
    var text: String
}

extension SecretSource {
    private static let largest = 64 << 10

    /// The value now: a secret that was changed takes hold with the next notification. One line break at the end of a
    /// file is not part of it.
    func value() throws(SecretTrouble) -> String {
        switch self {
        case .variable(let name):
            guard let value = getenv(name), value.pointee != 0 else {
                throw SecretTrouble(
                    text: "the supervisor has no variable \(name); a file (file:/…) does not depend on who started it")
            }
            return String(cString: value)
        case .file(let path):
            let descriptor = open(path, O_RDONLY | O_CLOEXEC)
            guard descriptor >= 0 else {
                throw SecretTrouble(text: "cannot read \(path): \(String(cString: strerror(errno)))")
            }
            defer { close(descriptor) }
            var bytes = [UInt8](repeating: 0, count: Self.largest + 1)
            var count = 0
            while count < bytes.count {
                let got = bytes.withUnsafeMutableBytes {
                    read(descriptor, $0.baseAddress?.advanced(by: count), $0.count - count)
                }
                if got < 0, errno == EINTR { continue }
                guard got >= 0 else {
                    throw SecretTrouble(text: "cannot read \(path): \(String(cString: strerror(errno)))")
                }
                if got == 0 { break }
                count += got
            }
            guard count > 0 else { throw SecretTrouble(text: "\(path) is empty") }
            guard count <= Self.largest else { throw SecretTrouble(text: "\(path) is larger than 64 KiB") }
            var text = String(decoding: bytes[..<count], as: UTF8.self)
            if text.utf8.last == 10 { text.removeLast() }
            return text
        }
    }
}
