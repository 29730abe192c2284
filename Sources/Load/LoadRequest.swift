/// One request as it goes out: method, fields and body. Target and `Host` come from the plan's URL.
package struct LoadRequest: Sendable, Hashable {
    package struct Field: Sendable, Hashable {
        package var name: String
        package var value: String

        package init(_ name: String, _ value: String) {
            self.name = name
            self.value = value
        }
    }

    package var method: String
    /// Sent in this order after `Host`. A `Host` field here replaces the URL's own; a `Cookie` field is sent before
    /// the cookies of a virtual user.
    package var fields: [Field]
    /// nil: no body and no `Content-Length`.
    package var body: [UInt8]?

    package init(method: String = "GET", fields: [Field] = [], body: [UInt8]? = nil) {
        self.method = method
        self.fields = fields
        self.body = body
    }

    /// Refuses what would not be one well-formed message.
    func validate() throws(LoadPlanError) {
        guard Self.isToken(method), method != "CONNECT" else {
            throw LoadPlanError(
                code: .request, cause: "'\(method)' cannot be sent as a method", hint: "use GET, HEAD, POST, PUT, …")
        }
        for field in fields {
            guard Self.isToken(field.name) else {
                throw LoadPlanError(
                    code: .request, cause: "'\(field.name)' is not a field name", hint: "write --header 'Name: value'")
            }
            guard field.value.utf8.allSatisfy({ $0 == 0x09 || ($0 >= 0x20 && $0 != 0x7F) }) else {
                throw LoadPlanError(
                    code: .request, cause: "the value of '\(field.name)' has control characters",
                    hint: "a field's value is a single line")
            }
            switch field.name.lowercased() {
            case "content-length", "transfer-encoding", "upgrade", "expect":
                throw LoadPlanError(
                    code: .request, cause: "'\(field.name)' cannot be set by hand",
                    hint: "the length follows from --body; upgrades and Expect are not spoken here")
            default:
                continue
            }
        }
    }

    /// Whether the text is a `token` of RFC 9110, section 5.6.2.
    static func isToken(_ text: String) -> Bool {
        !text.isEmpty
            && text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "a")...UInt8(ascii: "z"),
                    UInt8(ascii: "A")...UInt8(ascii: "Z"):
                    true
                default:
                    "!#$%&'*+-.^_`|~".utf8.contains(byte)
                }
            }
    }
}
