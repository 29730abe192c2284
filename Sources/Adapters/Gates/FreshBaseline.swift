import Domain
import Ports

extension LookRequest {
    /// `beside 2 fresh instances of api@13`; nil: it compares with stable.
    var baselineWords: String? {
        guard let stable, stable.number.isBaseline else { return nil }
        let name = "\(stable.service)@\(stable.number.origin)"
        // A replay does not know which they were.
        if baseline.isEmpty { return "beside the fresh baseline of \(name)" }
        return "beside \(counted(baseline.count, "fresh instance")) of \(name)"
    }
}

extension LookResult {
    /// The same, saying which baseline it rests on.
    func beside(_ request: LookRequest) -> LookResult {
        guard let words = request.baselineWords else { return self }
        var result = self
        result.evidence.summary += "; \(words)"
        let names = request.baseline.map(\.description).joined(separator: ", ")
        result.evidence.findings.append(
            Finding(asked: "baseline", got: words + (names.isEmpty ? "" : ": \(names)"), verdict: .pass))
        return result
    }
}
