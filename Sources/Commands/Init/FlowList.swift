import Manifests

/// A list of texts in brackets, as Dockerfiles and compose files write commands.
enum FlowList {
    /// Nil when it is no list of texts.
    static func read(_ text: String) -> [String]? {
        // JSON is YAML.
        guard case .list(let items)? = PlainYAML.read(text) else { return nil }
        let texts = items.compactMap(\.text)
        return texts.count == items.count ? texts : nil
    }
}
