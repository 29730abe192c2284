/// What a request head says, as numbers and offsets: no copy of any of its bytes.
struct RequestHead {
    /// From the first byte of the request line to one past the empty line.
    var length = 0
    var methodEnd = 0
    var targetStart = 0
    var targetEnd = 0
    /// Where the path begins and ends (before `?`): the target's, or that of an absolute target.
    var pathStart = 0
    var pathEnd = 0
    /// One past the request line's line feed.
    var fieldsStart = 0
    /// The host to route by, with its port: from the target if it is absolute, else from Host.
    var hostStart = 0
    var hostEnd = 0
    var method = RequestMethod.other
    var isVersion11 = true
    var isAbsolute = false
    var framing = BodyFraming.none
    var options = ConnectionOptions()
    var expectsContinue = false
    var wantsUpgrade = false
    /// Whether a field is present that is never copied or is rewritten.
    var hasSpecialFields = false
    var hasForwardedFor = false
    var hasForwardedHost = false
    var hasCookie = false

    /// Whether the client wants the connection to stay.
    var keepsAlive: Bool { isVersion11 ? !options.close : options.keepAlive && !options.close }
}

enum RequestMethod: UInt8 {
    case get, head, options, trace, put, delete, post, other

    /// RFC 9110 section 9.2.2: asking twice does what asking once does.
    var isIdempotent: Bool {
        switch self {
        case .get, .head, .options, .trace, .put, .delete: true
        case .post, .other: false
        }
    }
}
