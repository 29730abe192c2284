import Domain

/// Reads values that the shape check has let through. What it has not let through is read as if it were missing, so
/// that one mistake does not hide the next.
extension Tree {
    func integer(_ key: String, or standard: Int) -> Int { self[key]?.scalar?.integer ?? standard }
    func boolean(_ key: String, or standard: Bool) -> Bool { self[key]?.scalar?.boolean ?? standard }
    func word(_ key: String, or standard: String) -> String { self[key]?.text ?? standard }
    func span(_ key: String, or standard: Span) -> Span { span(key) ?? standard }
    func span(_ key: String) -> Span? { self[key]?.text.flatMap { Quantity.duration($0) } }
    func texts(_ key: String) -> [String] { self[key]?.items.compactMap(\.text) ?? [] }
    func gates(_ key: String) -> [GateName] { texts(key).map { GateName($0) } }

    /// Sorted by name.
    func variables(_ key: String) -> [Variable] {
        let entries = self[key]?.entries ?? []
        return entries.compactMap { entry in entry.value.text.map { Variable(name: entry.key, value: $0) } }
            .sorted { $0.name < $1.name }
    }

    /// The first of some keys that is set, and its value.
    func first(of keys: [String]) -> (key: String, value: Tree)? {
        for key in keys {
            if let value = self[key] { return (key, value) }
        }
        return nil
    }
}
