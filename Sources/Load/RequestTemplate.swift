import Domain
import NIOCore

/// The bytes of one request: written once where nothing in them changes.
struct RequestTemplate {
    private let requestLine: (method: String, path: String)
    /// With the line ends.
    private let fields: String
    private let cookies: String?
    private let body: [UInt8]?
    private let isFixed: Bool
    private let allocator: ByteBufferAllocator
    /// The request of somebody without a cookie, with nothing filled in.
    let plain: ByteBuffer

    /// Of a request of a flow.
    init(_ step: FlowStep, of plan: LoadPlan, allocator: ByteBufferAllocator) {
        let base = plan.target.path.hasSuffix("/") ? String(plan.target.path.dropLast()) : plan.target.path
        let known = Set(step.headers.map { $0.name.lowercased() })
        // What every request carries, unless this one has its own.
        let shared = plan.request.fields.filter { !known.contains($0.name.lowercased()) }
        self.init(
            method: step.method, path: base + step.path, plan: plan,
            fields: shared + step.headers.map { .init($0.name, $0.value) }, body: step.body.map { Array($0.utf8) },
            isFixed: !([step.path, step.body ?? ""] + step.headers.map(\.value)).contains { $0.contains("${") },
            allocator: allocator)
    }

    /// Of the plan's one request.
    init(_ plan: LoadPlan, allocator: ByteBufferAllocator) {
        self.init(
            method: plan.request.method, path: plan.target.path, plan: plan, fields: plan.request.fields,
            body: plan.request.body, isFixed: true, allocator: allocator)
    }

    private init(
        method: String, path: String, plan: LoadPlan, fields: [LoadRequest.Field], body: [UInt8]?, isFixed: Bool,
        allocator: ByteBufferAllocator
    ) {
        let names = Set(fields.map { $0.name.lowercased() })
        var head = ""
        if !names.contains("host") { head += "Host: \(plan.target.authority)\r\n" }
        if !names.contains("user-agent") { head += "User-Agent: slipway-load\r\n" }
        if !names.contains("accept") { head += "Accept: */*\r\n" }
        for field in fields where field.name.lowercased() != "cookie" { head += "\(field.name): \(field.value)\r\n" }
        let own = fields.filter { $0.name.lowercased() == "cookie" }.map(\.value)
        requestLine = (method, path)
        self.fields = head
        cookies = own.isEmpty ? nil : own.joined(separator: "; ")
        self.body = body
        self.isFixed = isFixed
        self.allocator = allocator
        plain = Self.render(allocator, method, path, head, cookies.map { "Cookie: \($0)\r\n" } ?? "", body)
    }

    /// The request of somebody with these values and cookies.
    func bytes(values: [String: String] = [:], with jar: CookieJar) -> ByteBuffer {
        let kept = jar.fieldValue
        if isFixed, kept == nil { return plain }
        var path = requestLine.path
        var fields = fields
        var own = cookies
        var body = body
        if !isFixed {
            let placeholders = Placeholders(values: values)
            path = Self.fill(path, placeholders, encode: Placeholders.pathSegment)
            fields = Self.fill(fields, placeholders)
            own = own.map { Self.fill($0, placeholders) }
            body = body.map { Array(Self.fill(String(decoding: $0, as: UTF8.self), placeholders).utf8) }
        }
        let line = [own, kept].compactMap { $0 }.joined(separator: "; ")
        return Self.render(
            allocator, requestLine.method, path, fields, line.isEmpty ? "" : "Cookie: \(line)\r\n", body)
    }

    /// A name that nothing has taken stays as it is written: plans are checked before they are run.
    private static func fill(
        _ text: String, _ placeholders: Placeholders, encode: (String) -> String = { $0 }
    ) -> String {
        do { return try placeholders.fill(text, encode: encode) } catch { return text }
    }

    private static func render(
        _ allocator: ByteBufferAllocator, _ method: String, _ path: String, _ fields: String, _ cookies: String,
        _ body: [UInt8]?
    ) -> ByteBuffer {
        var bytes = allocator.buffer(capacity: path.utf8.count + fields.utf8.count + 128 + (body?.count ?? 0))
        bytes.writeString("\(method) \(path) HTTP/1.1\r\n")
        bytes.writeString(fields)
        bytes.writeString(cookies)
        if let body { bytes.writeString("Content-Length: \(body.count)\r\n") }
        bytes.writeStaticString("\r\n")
        if let body { bytes.writeBytes(body) }
        return bytes
    }
}
