import Domain
import NIOCore

/// A virtual user on its way through a flow: where it stands, its cookies, and what it has taken from answers.
final class Visitor {
    let number: Int
    var random: SplitMix
    /// Numbers of the flow and of the request under way.
    var flow = 0
    var step = 0
    /// By name, for `${name}`.
    var values: [String: String] = [:]
    private(set) var jar = CookieJar()
    /// Kept while it thinks.
    var connection: Connection?
    /// Headers of the answer under way, by their place in the step's list, and its body.
    private var fields: [[UInt8]?] = []
    private var body: [UInt8] = []
    private var isCut = false

    /// What is kept of a body, in bytes, to take values from.
    static let bodyLimit = 1 << 20

    init(number: Int, random: SplitMix) {
        self.number = number
        self.random = random
    }

    // MARK: What it sends

    /// The bytes of its next request.
    func bytes(_ step: Script.Step) -> ByteBuffer {
        step.template.bytes(values: values, with: jar)
    }

    // MARK: What it is answered

    func expect(_ step: Script.Step) {
        guard !step.captures.isEmpty else { return }
        fields = Array(repeating: nil, count: step.fields.count)
        body.removeAll(keepingCapacity: true)
        isCut = false
    }

    func store(_ cookie: UnsafeRawBufferPointer) { _ = jar.store(cookie) }

    func takeField(_ index: Int, _ value: UnsafeRawBufferPointer) {
        guard fields.indices.contains(index), fields[index] == nil else { return }
        fields[index] = Array(value)
    }

    func takeBody(_ bytes: UnsafeRawBufferPointer) {
        let room = Self.bodyLimit - body.count
        body.append(contentsOf: bytes.prefix(room))
        if bytes.count > room { isCut = true }
    }

    /// Takes the values that later requests need. Returns what is missing, in words.
    func capture(_ step: Script.Step) -> String? {
        var json: JSONValue??
        var text: String?
        for capture in step.captures {
            let value: String?
            switch capture.source {
            case .field(let name):
                value = step.fields.firstIndex(of: name).flatMap { fields[$0] }
                    .map { String(decoding: $0, as: UTF8.self) }
            case .json(let path):
                let parsed = json ?? JSONValue(parsing: body)
                json = .some(parsed)
                guard let parsed else { return isCut ? "the body is too long to take from" : "the body is no JSON" }
                value = parsed.at(path)?.plain
            case .regex(let pattern):
                let whole = text ?? String(decoding: body, as: UTF8.self)
                text = whole
                value = Self.match(pattern, in: whole)
            case .unreadable: value = nil
            }
            guard let value else { return "no \(capture.words) in the answer" }
            guard value.utf8.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }), value.utf8.count <= 8192 else {
                return "the \(capture.words) cannot be used: it has control characters, or more than 8 KiB"
            }
            values[capture.name] = value
        }
        return nil
    }

    private static func match(_ pattern: Regex<AnyRegexOutput>, in text: String) -> String? {
        let found: Regex<AnyRegexOutput>.Match?
        do { found = try pattern.firstMatch(in: text) } catch { return nil }
        guard let output = found?.output else { return nil }
        let part = output.count > 1 ? output[1].substring : output[0].substring
        return part.map(String.init)
    }
}
