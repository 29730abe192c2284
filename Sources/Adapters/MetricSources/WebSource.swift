import Domain
import Ports

/// A JSON document behind a URL; a question is a JSON path to a number in it, or to a list of numbers.
struct WebSource: Sendable {
    func answer(_ spec: WebSourceSpec, _ question: MetricQuestion) async -> MetricAnswer {
        let limit = min(question.limit, spec.access.timeout)
        switch await WebQuestion(url: spec.url, access: spec.access, limit: limit).ask() {
        case .failure(let trouble): return .trouble(trouble.text)
        case .success(let reply):
            guard reply.status / 100 == 2 else {
                let start = String(decoding: reply.body.prefix(200), as: UTF8.self)
                return .trouble("status \(reply.status)" + (start.isEmpty ? "" : ": \(start)"))
            }
            guard let document = JSONValue(parsing: reply.body) else { return .trouble("the answer is not JSON") }
            return document.numbers(at: question.query)
        }
    }
}

extension JSONValue {
    /// The number at a path, or the numbers of a list there; null is not a number.
    func numbers(at path: String) -> MetricAnswer {
        let shown = path.isEmpty ? "the answer" : "`\(path)`"
        guard let value = at(path) else { return .trouble("there is no \(shown) in the JSON") }
        let items: [JSONValue]
        if case .list(let list) = value { items = list } else { items = [value] }
        var numbers: [Double] = []
        for item in items {
            switch item {
            case .integer(let number): numbers.append(Double(number))
            case .number(let number): numbers.append(number)
            case .null: numbers.append(.nan)
            // Numbers in quotes are how many APIs keep digits that a parser would lose.
            case .text(let text):
                guard let number = Double(text) else { return .trouble("\(shown) is a text, and a number is meant") }
                numbers.append(number)
            case .bool, .list, .map: return .trouble("\(shown) is \(item.kind), and a number is meant")
            }
        }
        return .series(numbers.isEmpty ? [] : [MetricSeries(labels: path, values: numbers)])
    }

    private var kind: String {
        switch self {
        case .null: "null"
        case .bool: "true or false"
        case .integer, .number: "a number"
        case .text: "a text"
        case .list: "a list"
        case .map: "an object"
        }
    }
}
