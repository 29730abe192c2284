import Domain

/// The name of an image, read as Docker reads it: `nginx` is `docker.io/library/nginx:latest`.
///
/// Source: the grammar of `distribution/reference`, which Docker, containerd and the kubelet use.
package struct ImageReference: Hashable, Sendable, CustomStringConvertible {
    /// With its port, if it names one: `docker.io`, `localhost:5000`, `[::1]:5000`.
    package var host: String
    /// `library/nginx`
    package var repository: String
    package var tag: String?
    package var digest: ImageDigest?

    package static let standardHost = "docker.io"
    package static let standardTag = "latest"

    package init(host: String, repository: String, tag: String? = nil, digest: ImageDigest? = nil) {
        self.host = host
        self.repository = repository
        self.tag = tag
        self.digest = digest
    }

    package init(_ text: String) throws(RegistryTrouble) {
        try Self.refuseMistakes(text)
        var name = text[...]
        if let at = name.firstIndex(of: "@") {
            let written = name[name.index(after: at)...]
            guard let digest = ImageDigest(written) else {
                throw Self.bad(
                    text, "`\(written.bounded)` is no digest",
                    "a digest is `sha256:` and 64 digits or letters from a to f, in lower case")
            }
            self.digest = digest
            name = name[..<at]
        }
        // What stands before the last slash may have a port.
        let start = name.lastIndex(of: "/").map { name.index(after: $0) } ?? name.startIndex
        if let colon = name[start...].firstIndex(of: ":") {
            let written = name[name.index(after: colon)...]
            guard Self.isTag(written) else {
                throw Self.bad(
                    text, "`\(written.bounded)` is no tag",
                    "a tag has letters, digits, `_`, `.` and `-`, at most 128, and begins with none of the last two")
            }
            tag = String(written)
            name = name[..<colon]
        }
        (host, repository) = try Self.parts(name, of: text)
    }

    // MARK: - Reading

    /// What people write, and what no grammar would explain.
    private static func refuseMistakes(_ text: String) throws(RegistryTrouble) {
        if text.isEmpty { throw bad(text, "it is empty", "for example registry.example.com/shop/api:1.4") }
        if text.contains("://") {
            throw bad(text, "it has a scheme", "an image is named without `https://`")
        }
        if text.contains("${") || text.contains("{{") {
            throw bad(text, "there is a variable in it", "only a whole name can be looked up")
        }
        if let odd = text.unicodeScalars.first(where: { !$0.isASCII || $0.value <= 0x20 || $0.value == 0x7f }) {
            let what = odd.value <= 0x20 ? "white space" : "the character U+\(String(odd.value, radix: 16))"
            throw bad(text, "there is \(what) in it", "names of images are plain ASCII")
        }
    }

    private static func parts(_ name: Substring, of text: String) throws(RegistryTrouble) -> (String, String) {
        var host = standardHost
        var path = name
        if let slash = name.firstIndex(of: "/") {
            let first = name[..<slash]
            // Only what looks like a host is one: `shop/api` is a repository of Docker Hub.
            if first == "localhost" || first.contains(where: { $0 == "." || $0 == ":" || $0.isUppercase }) {
                guard isHost(first) else {
                    throw bad(
                        text, "`\(first.bounded)` is no host",
                        "a host is a name or an address, with a port if it needs one: registry.example.com:5000")
                }
                host = String(first)
                path = name[name.index(after: slash)...]
            }
        }
        if host == "index.docker.io" || host == "registry-1.docker.io" { host = standardHost }
        let components = path.split(separator: "/", omittingEmptySubsequences: false)
        if path.contains(where: \.isUppercase) {
            throw bad(text, "there are capital letters in it", "repositories are written in lower case")
        }
        guard components.allSatisfy(isComponent) else {
            throw bad(
                text, "`\(path.bounded)` is no repository",
                "its parts have small letters and digits, and between them `.`, `_`, `__` or `-`")
        }
        if host == standardHost, components.count == 1 {
            // Docker takes such a name for an image's own number.
            if ImageDigest("sha256:\(path)") != nil {
                throw bad(text, "it is only a digest", "name the repository too: shop/api@sha256:…")
            }
            return (host, "library/\(path)")
        }
        guard path.utf8.count <= 255 else { throw bad(text, "it is longer than 255 characters", "") }
        return (host, String(path))
    }

    private static func bad(_ text: String, _ why: String, _ hint: String) -> RegistryTrouble {
        RegistryTrouble(.reference, "`\(text[...].bounded)` names no image: \(why)", hint: hint)
    }

    private static func isLetter(_ byte: UInt8) -> Bool { (0x61...0x7a).contains(byte | 0x20) }
    private static func isDigit(_ byte: UInt8) -> Bool { (0x30...0x39).contains(byte) }

    private static func isTag(_ text: Substring) -> Bool {
        func isWord(_ byte: UInt8) -> Bool { isLetter(byte) || isDigit(byte) || byte == UInt8(ascii: "_") }
        guard let first = text.utf8.first, isWord(first), text.utf8.count <= 128 else { return false }
        return text.utf8.allSatisfy { isWord($0) || $0 == UInt8(ascii: ".") || $0 == UInt8(ascii: "-") }
    }

    private static func isHost(_ text: Substring) -> Bool {
        var name = text
        if text.hasPrefix("[") {
            guard let end = text.firstIndex(of: "]") else { return false }
            let address = text[text.index(after: text.startIndex)..<end]
            let rest = text[text.index(after: end)...]
            let isAddress = address.contains(":") && address.allSatisfy { $0.isHexDigit || $0 == ":" || $0 == "." }
            return isAddress && (rest.isEmpty || rest.hasPrefix(":") && isPort(rest.dropFirst()))
        }
        if let colon = text.firstIndex(of: ":") {
            guard isPort(text[text.index(after: colon)...]) else { return false }
            name = text[..<colon]
        }
        return name.split(separator: ".", omittingEmptySubsequences: false).allSatisfy { label in
            !label.isEmpty && !label.hasPrefix("-") && !label.hasSuffix("-")
                && label.utf8.allSatisfy { isLetter($0) || isDigit($0) || $0 == UInt8(ascii: "-") }
        }
    }

    private static func isPort(_ text: Substring) -> Bool {
        text.utf8.allSatisfy(isDigit) && Int(text).map { (1...65_535).contains($0) } == true
    }

    /// Small letters and digits, with separators only between them.
    private static func isComponent(_ text: Substring) -> Bool {
        let words = text.utf8.split { !(0x61...0x7a).contains($0) && !isDigit($0) }
        guard let first = words.first, let last = words.last else { return false }
        guard first.startIndex == text.startIndex, last.endIndex == text.endIndex else { return false }
        return zip(words, words.dropFirst()).allSatisfy { before, after in
            let separator = text[before.endIndex..<after.startIndex]
            return [".", "_", "__"].contains(separator) || separator.allSatisfy { $0 == "-" }
        }
    }

    // MARK: - Writing

    /// What is asked for: the digest where there is one, as Docker does.
    package var target: String { digest?.description ?? tag ?? Self.standardTag }

    /// Host and repository: `docker.io/library/nginx`.
    package var name: String { "\(host)/\(repository)" }

    package var description: String {
        name + (tag.map { ":\($0)" } ?? (digest == nil ? ":\(Self.standardTag)" : "")) + (digest.map { "@\($0)" } ?? "")
    }

    /// The same repository at one digest, and nothing else.
    package func pinned(to digest: ImageDigest) -> ImageReference {
        ImageReference(host: host, repository: repository, digest: digest)
    }

    /// Where requests go to.
    var address: String { host == Self.standardHost ? "registry-1.docker.io" : host }

    /// Whether the registry is on this machine.
    static func isLoopback(_ host: String) -> Bool {
        if host.hasPrefix("[::1]") { return true }
        let name = host.split(separator: ":").first.map(String.init) ?? ""
        guard name.hasPrefix("127.") else { return name == "localhost" }
        let numbers = name.split(separator: ".", omittingEmptySubsequences: false)
        return numbers.count == 4 && numbers.allSatisfy { UInt8($0) != nil }
    }
}

extension Substring {
    /// As much of it as belongs into a message.
    fileprivate var bounded: String { String(self).printable.bounded(to: 100) }
}
