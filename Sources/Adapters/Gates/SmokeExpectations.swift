import Domain
import Ports

/// Compares an answer with what a request of a smoke gate demands.
struct SmokeExpectations: Sendable {
    let request: SmokeRequest

    /// One demand that was not met.
    struct Miss: Sendable {
        var got: String
        var wanted: String
    }

    /// All demands in words: `status 200, within 300ms`.
    var words: String {
        var parts = [statusWords]
        if let within = request.within { parts.append("within \(within)") }
        for header in request.expectHeaders { parts.append("header \(header.name): \(header.value)") }
        for expected in request.expectJSON { parts.append("\(expected.name) = \(expected.value)") }
        if let text = request.contains { parts.append("body contains “\(text)”") }
        return parts.joined(separator: ", ").printable.bounded(to: 500)
    }

    func misses(_ answer: InstanceAnswer) -> [Miss] {
        var misses: [Miss] = []
        let isWanted = request.status.map { $0 == answer.status } ?? (200...399).contains(answer.status)
        if !isWanted { misses.append(Miss(got: "", wanted: statusWords)) }
        if let within = request.within, answer.took > .milliseconds(within.milliseconds) {
            misses.append(Miss(got: "", wanted: "within \(within)"))
        }
        for expected in request.expectHeaders { misses += header(expected, answer) }
        misses += json(answer)
        if let text = request.contains, !contains(text, answer.body) {
            let cut = answer.isCut ? " in its first \(answer.body.count) bytes" : ""
            misses.append(Miss(got: "body without that text\(cut)", wanted: "body contains “\(text)”"))
        }
        return misses
    }

    private var statusWords: String { request.status.map { "status \($0)" } ?? "status 200…399" }

    /// A value without parameters (`text/html`) allows any (`text/html; charset=utf-8`).
    private func header(_ expected: Variable, _ answer: InstanceAnswer) -> [Miss] {
        let values = answer.values(of: expected.name)
        let wanted = "header \(expected.name): \(expected.value)"
        if values.isEmpty { return [Miss(got: "no header \(expected.name)", wanted: wanted)] }
        for value in values {
            if value == expected.value { return [] }
            if !expected.value.contains(";"), let plain = value.split(separator: ";").first,
                plain.trimmed == expected.value
            {
                return []
            }
        }
        return [Miss(got: "header \(expected.name): \(values.joined(separator: ", "))", wanted: wanted)]
    }

    private func json(_ answer: InstanceAnswer) -> [Miss] {
        if request.expectJSON.isEmpty { return [] }
        guard let found = JSONValue(parsing: answer.body) else {
            return [Miss(got: answer.isCut ? "body too long to be read as JSON" : "body is no JSON", wanted: "JSON")]
        }
        return request.expectJSON.compactMap { expected in
            let wanted = "\(expected.name) = \(expected.value)"
            guard let value = found.at(expected.name) else { return Miss(got: "no \(expected.name)", wanted: wanted) }
            let isEqual = JSONValue(parsing: expected.value.utf8).map { value.equals($0) } ?? false
            return isEqual ? nil : Miss(got: "\(expected.name) = \(value.compact.bounded(to: 100))", wanted: wanted)
        }
    }

    private func contains(_ text: String, _ body: [UInt8]) -> Bool {
        let wanted = Array(text.utf8)
        guard let first = wanted.first else { return true }
        guard body.count >= wanted.count else { return false }
        for start in 0...(body.count - wanted.count) where body[start] == first {
            if body[start..<(start + wanted.count)].elementsEqual(wanted) { return true }
        }
        return false
    }
}

extension Substring {
    fileprivate var trimmed: Substring {
        var text = self
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return text
    }
}
