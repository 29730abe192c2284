/// The `${…}` variables that a release's texts may use, and their values in one place.
package struct VariableScope: Sendable {
    /// Names without `${}`; the first of a name counts.
    package private(set) var values: [(name: String, value: String)]

    package init(_ values: [(name: String, value: String)]) { self.values = values }

    package func with(_ more: [(name: String, value: String)]) -> VariableScope { VariableScope(values + more) }

    package func value(_ name: String) -> String? { values.first { $0.name == name }?.value }

    /// A text with a variable that nothing fills.
    package struct Unknown: Error {
        package var text: String
        package var hint: String

        package init(text: String, hint: String) {
            self.text = text
            self.hint = hint
        }
    }

    /// Puts the values in. `$${` stands for `${` itself.
    /// - Parameters:
    ///   - place: where the text stands, for people: `env.URL`, `files.nginx.conf`.
    ///   - leavesShellNames: in a line for a shell, names that cannot be ours (`${HOME:-x}`) are the shell's.
    package func expand(_ text: String, place: String, leavesShellNames: Bool = false) throws(Unknown) -> String {
        var result = ""
        var rest = text[...]
        while let dollar = rest.firstIndex(of: "$") {
            result += rest[..<dollar]
            let after = rest[rest.index(after: dollar)...]
            if after.hasPrefix("${") {
                result += "${"
                rest = after.dropFirst(2)
                continue
            }
            guard after.hasPrefix("{") else {
                result += "$"
                rest = after
                continue
            }
            guard let close = after.firstIndex(of: "}") else {
                guard leavesShellNames else {
                    throw Unknown(
                        text: "\(place): `${` without a `}` after it",
                        hint: "write `$${` for a `${` that is meant as text")
                }
                result += "$" + after
                return result
            }
            let name = String(after[after.index(after: after.startIndex)..<close])
            if let value = value(name) {
                result += value
            } else if leavesShellNames && !Self.isOurs(name) {
                result += "${" + name + "}"
            } else {
                throw unknown(name, place)
            }
            rest = after[after.index(after: close)...]
        }
        return result + rest
    }

    private static func isOurs(_ name: String) -> Bool {
        ["instance.", "env.", "data.", "needs.", "service."].contains { name.hasPrefix($0) }
    }

    private func unknown(_ name: String, _ place: String) -> Unknown {
        let known = values.map { "${\($0.name)}" }.joined(separator: ", ")
        return Unknown(
            text: "\(place): there is no variable ${\(name)}",
            hint: "known here: \(known); write `$${\(name)}` when it is meant as text")
    }
}
