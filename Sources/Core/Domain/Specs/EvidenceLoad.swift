/// Load that an analysis sends by itself, where users send too little for an answer: through the service's first route,
/// as users come, so that the same split draws it to both releases.
package struct EvidenceLoad: Hashable, Sendable, Codable {
    /// Flows that begin in a second, in thousandths.
    package var perSecond: Int
    /// Requests at most, in one run of the gate.
    package var requests: Int
    /// For how long at most, in one run of the gate; nil: as long as it looks.
    package var span: Span?
    package var headers: [Variable]
    package var flows: [FlowSpec]
    /// For one answer.
    package var answerWithin: Span

    package init(
        perSecond: Int = 50_000, requests: Int, span: Span? = nil, headers: [Variable] = [], flows: [FlowSpec],
        answerWithin: Span = .seconds(5)
    ) {
        self.perSecond = perSecond
        self.requests = requests
        self.span = span
        self.headers = headers
        self.flows = flows
        self.answerWithin = answerWithin
    }

    /// It is sent in pieces that are no longer than this: one ends with its look at the latest, whatever became of the
    /// rollout.
    package static let longestPiece = Span.seconds(5)
}
