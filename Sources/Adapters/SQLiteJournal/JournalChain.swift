import Crypto
import FoundationEssentials

/// The end of a journal's chain: note it elsewhere, and `verify` can tell later whether it is still in there.
package struct ChainHead: Hashable, Sendable, CustomStringConvertible {
    /// The last sequence number; 0: no entries.
    package var sequence: Int64
    /// 32 bytes.
    package var digest: [UInt8]

    package init(sequence: Int64, digest: [UInt8]) {
        self.sequence = sequence
        self.digest = digest
    }

    /// `<sequence>:<64 hex digits>`.
    package var description: String { "\(sequence):\(hexadecimal(digest))" }

    /// Reads what `description` writes; nil for anything else.
    package init?(_ text: String) {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, let sequence = Int64(parts[0]), sequence >= 0, parts[1].utf8.count == 64 else {
            return nil
        }
        var digest: [UInt8] = []
        var rest = parts[1]
        while !rest.isEmpty {
            guard let byte = UInt8(rest.prefix(2), radix: 16) else { return nil }
            digest.append(byte)
            rest = rest.dropFirst(2)
        }
        self.init(sequence: sequence, digest: digest)
    }
}

/// One link of the chain: everything of an entry, with its body's digest in place of the body, so that a body may be
/// dropped later and the chain still be followed.
///
///     chain(n) = SHA-256( chain(n-1) ‖ seq ‖ at ‖ kind ‖ scoped ‖ |project| ‖ project ‖ |environment| ‖ environment
///                         ‖ |key| ‖ key ‖ SHA-256(body) )
///
/// Numbers are big-endian (seq and at 8 bytes, lengths 4, kind and scoped 1); chain(0) is `genesis`.
struct ChainLink {
    var sequence: Int64
    var kind: UInt8
    var project: String?
    var environment: String?
    var key: String
    var at: Int64
    /// SHA-256 of the body, 32 bytes.
    var digest: [UInt8]

    /// The chain's value at this link.
    func chained(to previous: [UInt8]) -> [UInt8] {
        var bytes = previous
        bytes.reserveCapacity(previous.count + 96 + key.utf8.count)
        append(UInt64(bitPattern: sequence), to: &bytes)
        append(UInt64(bitPattern: at), to: &bytes)
        bytes.append(kind)
        bytes.append(project == nil && environment == nil ? 0 : 1)
        for text in [project ?? "", environment ?? "", key] {
            append(UInt32(truncatingIfNeeded: text.utf8.count), to: &bytes)
            bytes.append(contentsOf: text.utf8)
        }
        bytes.append(contentsOf: digest)
        return Self.digest(bytes)
    }

    /// Where the chain of one journal starts. The identity keeps entries of another journal from being spliced in.
    static func genesis(identity: String) -> [UInt8] {
        digest(Array("slipway journal \(identity)".utf8))
    }

    static func digest(_ bytes: [UInt8]) -> [UInt8] {
        Array(SHA256.hash(data: bytes))
    }

    private func append(_ value: some FixedWidthInteger, to bytes: inout [UInt8]) {
        withUnsafeBytes(of: value.bigEndian) { bytes.append(contentsOf: $0) }
    }
}

/// Two lower-case digits per byte.
func hexadecimal(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(decoding: bytes.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
}
