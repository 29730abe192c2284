import Glibc
import NIOCore

/// Writes bytes behind each other into room that was measured beforehand.
struct HeadWriter {
    private let base: UnsafeMutablePointer<UInt8>
    private let capacity: Int
    private(set) var count = 0

    init(_ room: UnsafeMutableRawBufferPointer) {
        // The room is never empty: callers reserve at least the head's own length.
        base = room.bindMemory(to: UInt8.self).baseAddress.unsafelyUnwrapped
        capacity = room.count
    }

    @inline(__always)
    mutating func write(_ bytes: UnsafePointer<UInt8>, _ length: Int) {
        precondition(count &+ length <= capacity)
        memcpy(base + count, bytes, length)
        count &+= length
    }

    @inline(__always)
    mutating func write(_ text: StaticString) {
        write(text.utf8Start, text.utf8CodeUnitCount)
    }

    @inline(__always)
    mutating func write(_ bytes: [UInt8]) {
        bytes.withUnsafeBufferPointer { buffer in
            if let start = buffer.baseAddress { write(start, buffer.count) }
        }
    }
}

/// What the proxy adds to each request of one client connection.
struct ForwardedLines {
    /// The client's address.
    let address: [UInt8]
    /// `X-Forwarded-For` and `X-Forwarded-Proto`, both lines.
    let plain: [UInt8]
    /// The address that the client connected to: the Host of a request that has none.
    let listener: [UInt8]

    init(client: String, listener: String) {
        address = Array(client.utf8)
        plain = Array("X-Forwarded-For: \(client)\r\nX-Forwarded-Proto: http\r\n".utf8)
        self.listener = Array(listener.utf8)
    }
}

/// Writes the head that goes on to the instance: spans of the original, without what concerns this hop only.
enum RequestRewriter {
    /// Room for everything that is not in the original head: fixed words, addresses, a repeated host.
    private static let extraRoom = 256

    static func write(
        _ bytes: UnsafePointer<UInt8>, _ head: RequestHead, _ fields: FieldTable, _ forwarded: ForwardedLines,
        into buffer: inout ByteBuffer
    ) {
        let room = head.length * 2 + forwarded.plain.count + forwarded.listener.count + extraRoom
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: room) { target in
            var out = HeadWriter(target)
            if head.isVersion11 && !head.isAbsolute && !head.hasSpecialFields {
                out.write(bytes, head.length &- 2)
            } else {
                writeLine(bytes, head, forwarded, &out)
                writeFields(bytes, head, fields, &out)
            }
            writeForwarded(bytes, head, fields, forwarded, &out)
            out.write("\r\n")
            return out.count
        }
    }

    private static func writeLine(
        _ bytes: UnsafePointer<UInt8>, _ head: RequestHead, _ forwarded: ForwardedLines, _ out: inout HeadWriter
    ) {
        out.write(bytes, head.targetStart)
        // An absolute target without a path means the root; with OPTIONS it means the server itself.
        if head.isAbsolute && (head.pathStart == head.targetEnd || bytes[head.pathStart] != ByteClass.slash) {
            if head.method == .options && head.pathStart == head.targetEnd { out.write("*") } else { out.write("/") }
        }
        out.write(bytes + head.pathStart, head.targetEnd - head.pathStart)
        out.write(" HTTP/1.1\r\n")
        let hasHost = head.hostEnd > head.hostStart
        if head.isAbsolute || !hasHost {
            out.write("Host: ")
            if hasHost {
                out.write(bytes + head.hostStart, head.hostEnd - head.hostStart)
            } else {
                out.write(forwarded.listener)
            }
            out.write("\r\n")
        }
    }

    private static func writeFields(
        _ bytes: UnsafePointer<UInt8>, _ head: RequestHead, _ fields: FieldTable, _ out: inout HeadWriter
    ) {
        let dropsHost = head.isAbsolute || head.hostEnd == head.hostStart
        var runStart = head.fieldsStart
        for index in 0..<fields.count {
            let field = fields[index]
            let drops =
                switch field.kind {
                case .other, .releaseMark, .cookie, .forwardedHost:
                    head.options.listsFields && ConnectionList.lists(bytes, field, fields)
                case .contentLength, .transferEncoding: false
                case .host: dropsHost
                case .expect: !head.expectsContinue
                case .connection, .te, .keepAlive, .proxyConnection, .proxyAuthenticate, .proxyAuthorization,
                    .forwardedFor, .forwardedProto:
                    true
                case .upgrade: !head.wantsUpgrade
                }
            if drops {
                out.write(bytes + runStart, Int(field.name) - runStart)
                runStart = Int(field.lineEnd)
            }
        }
        out.write(bytes + runStart, head.length - 2 - runStart)
        if head.wantsUpgrade { out.write("Connection: Upgrade\r\n") }
    }

    private static func writeForwarded(
        _ bytes: UnsafePointer<UInt8>, _ head: RequestHead, _ fields: FieldTable, _ forwarded: ForwardedLines,
        _ out: inout HeadWriter
    ) {
        if head.hasForwardedFor {
            out.write("X-Forwarded-For: ")
            for index in 0..<fields.count where fields[index].kind == .forwardedFor {
                let field = fields[index]
                guard field.valueEnd > field.valueStart else { continue }
                out.write(bytes + Int(field.valueStart), Int(field.valueEnd - field.valueStart))
                out.write(", ")
            }
            out.write(forwarded.address)
            out.write("\r\nX-Forwarded-Proto: http\r\n")
        } else {
            out.write(forwarded.plain)
        }
        if !head.hasForwardedHost && head.hostEnd > head.hostStart {
            out.write("X-Forwarded-Host: ")
            out.write(bytes + head.hostStart, head.hostEnd - head.hostStart)
            out.write("\r\n")
        }
    }
}

/// The fields that a message's Connection fields name.
enum ConnectionList {
    /// Whether a Connection field of the same head lists this field.
    static func lists(_ bytes: UnsafePointer<UInt8>, _ field: FieldSpan, _ fields: FieldTable) -> Bool {
        let name = bytes + Int(field.name)
        let length = Int(field.nameLength)
        var found = false
        for index in 0..<fields.count where fields[index].kind == .connection {
            let connection = fields[index]
            FieldScanner.forEachListed(bytes, from: Int(connection.valueStart), to: Int(connection.valueEnd)) {
                first, last in
                if last - first == length {
                    found = (0..<length).allSatisfy {
                        ByteClass.lower(bytes[first + $0]) == ByteClass.lower(name[$0])
                    }
                }
                return !found
            }
        }
        return found
    }
}

/// What is added to a response.
struct ResponseAdditions {
    enum Persistence {
        /// HTTP/1.1 without a word: the connection stays.
        case implied
        /// The connection stays, said aloud for an HTTP/1.0 client.
        case keepAlive
        case close
        /// 101: the connection becomes a tunnel.
        case upgrade
    }

    var persistence = Persistence.implied
    /// `X-Slipway-Release: …` with its line end, or empty.
    var mark: [UInt8] = []
    /// `Set-Cookie: …` with its line end, or empty.
    var cookie: [UInt8] = []
    /// Whether the body goes out without chunks, because the client speaks HTTP/1.0.
    var dropsCoding = false
}

/// Writes the head that goes back to the client.
enum ResponseRewriter {
    private static let extraRoom = 64

    static func write(
        _ bytes: UnsafePointer<UInt8>, _ head: ResponseHead, _ fields: FieldTable, _ additions: ResponseAdditions,
        bodyRoom: Int, into buffer: inout ByteBuffer
    ) {
        let extra = additions.mark.count + additions.cookie.count + extraRoom
        buffer.reserveCapacity(minimumWritableBytes: head.length + extra + bodyRoom)
        buffer.writeWithUnsafeMutableBytes(minimumWritableBytes: head.length + extra) { target in
            var out = HeadWriter(target)
            out.write("HTTP/1.1")
            if head.hasSpecialFields {
                writeFields(bytes, head, fields, additions, &out)
            } else {
                out.write(bytes + 8, head.length &- 10)
            }
            switch additions.persistence {
            case .implied: break
            case .keepAlive: out.write("Connection: keep-alive\r\n")
            case .close: out.write("Connection: close\r\n")
            case .upgrade: out.write("Connection: Upgrade\r\n")
            }
            if !additions.mark.isEmpty { out.write(additions.mark) }
            if !additions.cookie.isEmpty { out.write(additions.cookie) }
            out.write("\r\n")
            return out.count
        }
    }

    private static func writeFields(
        _ bytes: UnsafePointer<UInt8>, _ head: ResponseHead, _ fields: FieldTable, _ additions: ResponseAdditions,
        _ out: inout HeadWriter
    ) {
        // The status line from the blank on: an upstream's version is not ours.
        var runStart = 8
        for index in 0..<fields.count {
            let field = fields[index]
            let drops =
                switch field.kind {
                case .other, .cookie, .expect, .forwardedFor, .forwardedProto, .forwardedHost, .host, .te,
                    .proxyAuthorization:
                    head.options.listsFields && ConnectionList.lists(bytes, field, fields)
                case .contentLength: false
                case .transferEncoding: additions.dropsCoding
                case .connection, .keepAlive, .proxyConnection, .proxyAuthenticate: true
                case .upgrade: additions.persistence != .upgrade
                case .releaseMark: !additions.mark.isEmpty
                }
            if drops {
                out.write(bytes + runStart, Int(field.name) - runStart)
                runStart = Int(field.lineEnd)
            }
        }
        out.write(bytes + runStart, head.length - 2 - runStart)
    }
}
