import ProxyControl

extension RouteBook.Plan {
    /// What is led elsewhere than before, for people.
    func news(since before: Self?) -> [String] {
        let known = Dictionary(before?.services.map { ($0.name, $0.words) } ?? []) { $1 }
        var lines: [String] = []
        for service in services where known[service.name] != service.words {
            lines.append("leads \(service.name): \(service.words)")
        }
        let names = Set(services.map(\.name))
        return lines + known.keys.filter { !names.contains($0) }.sorted().map { "leads \($0) no more" }
    }
}

extension ServiceRoute {
    /// `@1 90%, @2 10%`
    fileprivate var words: String {
        let shares = targets.map { "@\($0.name) \($0.weight)%" }.joined(separator: ", ")
        if hold != nil { return "requests are held" }
        return shares.isEmpty ? "nowhere" : shares
    }
}
