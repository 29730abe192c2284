/// What names say.
extension Rule {
    private static let kinds = ["struct", "class", "enum", "actor", "protocol", "typealias"]

    /// Types that a file declares.
    private func types(_ source: SwiftSource) -> [SwiftToken] {
        var found: [SwiftToken] = []
        for index in source.tokens.indices.dropLast() where Self.kinds.contains(source.tokens[index].text) {
            let name = source.tokens[index + 1]
            // `class func` declares no type.
            if name.kind == .word, name.text.first?.isUppercase == true { found.append(name) }
        }
        return found
    }

    func vagueNames(_ source: SwiftSource) -> [Finding] {
        let vague = ["Manager", "Helper", "Helpers", "Util", "Utils", "Utility", "Utilities"]
        func isVague(_ name: String) -> Bool { vague.contains { name.hasSuffix($0) } }
        var found = types(source).filter { isVague($0.text) }
            .map { finding(source.path, $0.line, "\($0.text) does not say its role") }
        if isVague(source.name) { found.append(finding(source.path, 1, "\(source.name) does not say its role")) }
        return found
    }

    /// A type of its module's name hides the module: nothing of it can be named in full any more.
    func shadowedModules(_ source: SwiftSource) -> [Finding] {
        guard let folder = Module.folder(of: source.path) else { return [] }
        let module = Module.name(ofFolder: folder)
        return types(source).filter { $0.text == module }
            .map { finding(source.path, $0.line, "\($0.text) has the name of its module") }
    }

    /// Package declarations of the floors that everybody else is written against say what they are.
    func undocumented(_ source: SwiftSource) -> [Finding] {
        let floors = ["Sources/Ports/", "Sources/Core/Domain/"]
        guard floors.contains(where: source.path.hasPrefix) else { return [] }
        var found: [Finding] = []
        let tokens = source.tokens
        for index in tokens.indices.dropLast(2) where tokens[index].isWord("package") {
            let kind = tokens[index + 1]
            guard Self.kinds.contains(kind.text) else { continue }
            if !source.isExplained(tokens[index].line, by: "///") {
                found.append(finding(source.path, kind.line, "\(tokens[index + 2].text) does not say what it is"))
            }
        }
        return found
    }
}
