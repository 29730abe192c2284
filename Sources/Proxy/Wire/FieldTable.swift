/// Where one header field lies in a head, as offsets from the head's first byte.
struct FieldSpan {
    /// The first byte of the name, which is the first byte of the line.
    var name: UInt32
    var valueStart: UInt32
    /// One past the last byte of the value, without blanks at its end.
    var valueEnd: UInt32
    /// One past the line feed.
    var lineEnd: UInt32
    var nameLength: UInt16
    var kind: FieldKind
}

/// The fields that the proxy itself has to do with.
enum FieldKind: UInt8 {
    case other
    case host
    case connection
    case contentLength
    case transferEncoding
    case upgrade
    case expect
    case te
    case keepAlive
    case proxyConnection
    case proxyAuthenticate
    case proxyAuthorization
    case forwardedFor
    case forwardedProto
    case forwardedHost
    case cookie
    case releaseMark

    /// The kind of a field by its name.
    @inline(__always)
    static func of(_ name: UnsafePointer<UInt8>, _ length: Int) -> FieldKind {
        switch length {
        case 2: ByteClass.equals(name, 2, "te") ? .te : .other
        case 4: ByteClass.equals(name, 4, "host") ? .host : .other
        case 6:
            switch name[0] | 0x20 {
            case UInt8(ascii: "c"): ByteClass.equals(name, 6, "cookie") ? .cookie : .other
            case UInt8(ascii: "e"): ByteClass.equals(name, 6, "expect") ? .expect : .other
            default: .other
            }
        case 7: ByteClass.equals(name, 7, "upgrade") ? .upgrade : .other
        case 10:
            switch name[0] | 0x20 {
            case UInt8(ascii: "c"): ByteClass.equals(name, 10, "connection") ? .connection : .other
            case UInt8(ascii: "k"): ByteClass.equals(name, 10, "keep-alive") ? .keepAlive : .other
            default: .other
            }
        case 14: ByteClass.equals(name, 14, "content-length") ? .contentLength : .other
        case 15: ByteClass.equals(name, 15, "x-forwarded-for") ? .forwardedFor : .other
        case 16:
            switch name[0] | 0x20 {
            case UInt8(ascii: "p"): ByteClass.equals(name, 16, "proxy-connection") ? .proxyConnection : .other
            case UInt8(ascii: "x"): ByteClass.equals(name, 16, "x-forwarded-host") ? .forwardedHost : .other
            default: .other
            }
        case 17:
            switch name[0] | 0x20 {
            case UInt8(ascii: "t"): ByteClass.equals(name, 17, "transfer-encoding") ? .transferEncoding : .other
            case UInt8(ascii: "x"):
                ByteClass.equals(name, 17, "x-forwarded-proto")
                    ? .forwardedProto : ByteClass.equals(name, 17, "x-slipway-release") ? .releaseMark : .other
            default: .other
            }
        case 18:
            ByteClass.equals(name, 18, "proxy-authenticate") ? .proxyAuthenticate : .other
        case 19:
            ByteClass.equals(name, 19, "proxy-authorization") ? .proxyAuthorization : .other
        default: .other
        }
    }
}

/// The fields of the head that is being looked at. Each event loop has one and uses it for each head in turn, so
/// that parsing allocates nothing.
///
/// A class around raw storage, because an array in a class would be checked for uniqueness on each write. It never
/// leaves its event loop.
final class FieldTable {
    let capacity: Int
    private(set) var count = 0
    private let storage: UnsafeMutablePointer<FieldSpan>

    init(capacity: Int) {
        self.capacity = capacity
        storage = .allocate(capacity: capacity)
    }

    deinit { storage.deallocate() }

    func clear() { count = 0 }

    /// Adds a field; false when the table is full.
    @inline(__always)
    func append(_ field: FieldSpan) -> Bool {
        let count = self.count
        if count == capacity { return false }
        (storage + count).initialize(to: field)
        self.count = count &+ 1
        return true
    }

    @inline(__always)
    subscript(index: Int) -> FieldSpan { storage[index] }
}
