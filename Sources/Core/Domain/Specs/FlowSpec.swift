/// What one virtual user does: a request, or several in order. Of several flows each has a weight.
package struct FlowSpec: Hashable, Sendable, Codable {
    package var name: String
    /// How often it is chosen, against the weights of the others.
    package var weight: Int
    /// The pause after each of its requests; nil: none.
    package var think: ThinkSpan?
    /// In order; at least one. When one of them fails, the flow ends there.
    package var steps: [FlowStep]

    package init(name: String, weight: Int = 1, think: ThinkSpan? = nil, steps: [FlowStep]) {
        self.name = name
        self.weight = weight
        self.think = think
        self.steps = steps
    }

    /// So many requests are told apart at most: each has a histogram.
    package static let stepsInAll = 100
    /// The names that a load knows by itself: the virtual user's number, and a number of six digits drawn for each
    /// flow.
    package static let ownVariables = ["user", "random"]
}

/// One request of a flow. `${name}` in its path, headers and body stands for what an earlier request has taken.
package struct FlowStep: Hashable, Sendable, Codable {
    /// Under which its results are told; unique in a load.
    package var name: String
    package var method: String
    package var path: String
    package var headers: [Variable]
    package var body: String?
    /// The status that must come back; nil: any below 400.
    package var status: Int?
    package var capture: [CaptureSpec]

    package init(
        name: String, method: String = "GET", path: String, headers: [Variable] = [], body: String? = nil,
        status: Int? = nil, capture: [CaptureSpec] = []
    ) {
        self.name = name
        self.method = method
        self.path = path
        self.headers = headers
        self.body = body
        self.status = status
        self.capture = capture
    }

    /// It changes nothing where it is sent.
    package var isReading: Bool { method == "GET" || method == "HEAD" }
}

/// A value that is taken from an answer, for the requests that follow.
package struct CaptureSpec: Hashable, Sendable, Codable {
    package var name: String
    package var source: CaptureSource

    package init(name: String, source: CaptureSource) {
        self.name = name
        self.source = source
    }
}

/// Where in an answer a value stands.
package enum CaptureSource: Hashable, Sendable, Codable {
    /// A JSON path in the body: `items[0].id`.
    case json(String)
    /// The first header of this name.
    case header(String)
    /// The first match of a regular expression in the body: its first group, or all of it when it has none.
    case regex(String)

    /// `id`, `the header Location`, `a match of /…/`.
    package var words: String {
        switch self {
        case .json(let path): path
        case .header(let name): "header \(name)"
        case .regex(let pattern): "match of /\(pattern)/"
        }
    }
}

/// A pause of a virtual user: always as long, or drawn evenly from a range.
package struct ThinkSpan: Hashable, Sendable, Codable {
    package var shortest: Span
    package var longest: Span

    package init(_ shortest: Span, _ longest: Span) {
        self.shortest = shortest
        self.longest = longest
    }

    /// Reads `500ms` or `200ms..1s`.
    package init?(parsing text: String) {
        let parts = text.split(separator: "..", maxSplits: 1, omittingEmptySubsequences: false)
        let spans = parts.compactMap { Span(parsing: String($0)) }
        guard spans.count == parts.count, let first = spans.first, let last = spans.last, first <= last else {
            return nil
        }
        self.init(first, last)
    }

    package static let zero = ThinkSpan(.zero, .zero)
}
