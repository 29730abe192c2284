import Domain

extension SenseCheck {
    /// Every name in `needs` is a service, and following them never leads back.
    func checkNeeds(_ findings: inout Findings) {
        let names = reading.services.map(\.name)
        for service in reading.services {
            for entry in service.tree["needs"]?.items ?? [] {
                guard let name = entry.text, !names.contains(name), !findings.isFull else { continue }
                findings.error(
                    .unknownService, entry.place, "`\(service.name)` needs `\(name)`, which is no service",
                    hint: Suggestion.hint(for: name, in: names, otherwise: "the services are"))
            }
        }
        for cycle in cycles() {
            let path = (cycle + [cycle[0]]).map { "`\($0)`" }.joined(separator: " → ")
            let last = reading.service(cycle[cycle.count - 1])
            let entry = last?.tree["needs"]?.items.first { $0.text == cycle[0] }
            findings.error(
                .needsCycle, entry?.place ?? .start, "services need each other in a circle: \(path)",
                hint: "take one of them out of a `needs`, and let it wait for the other by itself")
        }
    }

    /// One circle for each edge that closes one in a walk in the manifest's order; longer than one service.
    private func cycles() -> [[String]] {
        var cycles: [[String]] = []
        var finished: Set<String> = []
        for service in reading.services where !finished.contains(service.name) {
            // A walk with a stack of its own, since needs may be as long as the manifest.
            var path: [(name: String, next: Int)] = [(service.name, 0)]
            while let (name, next) = path.last {
                let needs = reading.service(name)?.plan.spec.needs ?? []
                guard next < needs.count else {
                    finished.insert(name)
                    path.removeLast()
                    continue
                }
                path[path.count - 1].next += 1
                let need = needs[next].text
                if let start = path.firstIndex(where: { $0.name == need }) {
                    if start < path.count - 1 { cycles.append(path[start...].map(\.name)) }
                } else if !finished.contains(need), reading.service(need) != nil {
                    path.append((need, 0))
                }
            }
        }
        return cycles
    }
}

extension Suggestion {
    /// `did you mean …?`, or all there are.
    static func hint(for word: String, in words: [String], otherwise: String) -> String {
        if let near = nearest(to: word, in: words) { return "did you mean `\(near)`?" }
        return words.isEmpty ? "" : "\(otherwise) " + words.prefix(20).map { "`\($0)`" }.joined(separator: ", ")
    }
}
