import Domain
import Judging

extension GateSpec {
    /// What a gate that judges traffic asks:
    /// `errors +0.5pp, p95 +20%; false alarms 1%, missed 5%, within 10m, every 2s`.
    var words: String {
        switch question {
        case .analysis(let spec):
            var compared: [String] = []
            switch spec.errors {
            case .absolute(let more): compared.append("errors +\(NumberText.decimal(more, places: 4))pp")
            case .relative(let more): compared.append("errors +\(percent(more))")
            case nil: break
            }
            compared += spec.latencies.map { latency in
                "\(LatencyLimit(percentile: latency.percentile, limit: .zero).name) +\(percent(latency.more))"
            }
            var rest = ["false alarms \(percent(spec.falseAlarms))", "missed \(percent(spec.missed))"]
            rest.append("within \(schedule.patience)")
            if let requests = spec.requests { rest.append("requests \(requests)") }
            if let load = spec.load { rest.append("sends up to \(load.requests) requests") }
            if spec.warmUp > .zero { rest.append("warm-up \(spec.warmUp)") }
            rest.append("every \(schedule.interval)")
            return compared.joined(separator: ", ") + "; " + rest.joined(separator: ", ")
        case .threshold(let spec):
            var limits: [String] = []
            if let rate = spec.errorRate { limits.append("error rate <= \(percent(rate))") }
            limits += spec.latencies.map { "\($0.name) <= \($0.limit)" }
            if let rate = spec.minRate { limits.append("rate >= \(NumberText.decimal(rate, places: 3))/s") }
            limits.append("requests >= \(spec.minRequests)")
            return limits.joined(separator: ", ")
                + "; \(schedule.count == 1 ? "1 look" : "\(schedule.count) looks"), every \(schedule.interval)"
        case .health, .smoke, .command, .approval, .webhook, .load, .metric, .comparison: return question.word
        }
    }

    private func percent(_ millionths: Int) -> String { "\(NumberText.decimal(millionths, places: 4))%" }
}
