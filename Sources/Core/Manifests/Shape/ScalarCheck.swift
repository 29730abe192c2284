import Domain

/// What is wrong with a single value.
struct ScalarTrouble: Equatable {
    var code: DiagnosticCode
    /// Continues "`drain` ": `must be a length of time, not \`30\``.
    var message: String
    var hint: String
}

extension ScalarShape {
    /// Nil when the value is right.
    func trouble(with scalar: TreeScalar) -> ScalarTrouble? {
        if scalar.isNull { return ScalarTrouble(code: .wrongType, message: "must be \(title), not empty", hint: hint) }
        let text = scalar.text
        if accepts(scalar) { return nil }
        if let unit = missingUnit(text) { return unit }
        let written = isWrittenAsText(scalar) ? "the text \(shown(text))" : shown(text)
        let wrong = ScalarTrouble(code: .badValue, message: "must be \(title), not \(written)", hint: hint)
        if isName, scalar.number != nil || scalar.boolean != nil {
            return wrong.with(.wrongType, hint: "put quotes around it: `\"\(text)\"`")
        }
        switch self {
        case .integer:
            if scalar.integer != nil { return wrong.with(.outOfRange) }
            return wrong.with(.wrongType, hint: isWrittenAsText(scalar) ? "write it without quotes" : "")
        case .version: return wrong.with(isWrittenAsText(scalar) ? .wrongType : .badVersion)
        case .weight:
            if text.hasSuffix("%"), Int(text.dropLast()) != nil { return wrong.with(.outOfRange, hint: "") }
            if text.hasSuffix("%") { return wrong.with(hint: "only whole percentages: `1%`, `5%`") }
            return wrong
        case .word(let words):
            let near = Suggestion.nearest(to: text, in: words)
            return wrong.with(hint: near.map { "did you mean `\($0)`?" } ?? "")
        case .boolean:
            return wrong.with(.wrongType, hint: scalar.isPlain ? "" : "write it without quotes")
        case .name: return wrong.with(.badName)
        case .projectPath: return wrong.with(.outsideProject)
        case .cpu, .memory:
            let ends = text.split(separator: "..", maxSplits: 1, omittingEmptySubsequences: false)
            if ends.count == 2, ScalarTrouble.areBackwards(ends, self) {
                return wrong.with(hint: "the request comes first and is not above the limit")
            }
            return wrong
        case .yes, .duration, .hold, .amount, .size, .path, .urlPath, .webURL, .listen, .host, .headerName, .identifier,
            .jsonPath, .shareLimit, .durationLimit, .rateLimit, .rate, .text, .filled, .form:
            return wrong
        }
    }

    private func shown(_ text: String) -> String {
        if text.isEmpty { return "empty" }
        let line = text.split(separator: "\n", omittingEmptySubsequences: false)[0]
        return line.count > 60 || line.count < text.count ? "`\(line.prefix(60))…`" : "`\(text)`"
    }

    /// Names and paths: texts that a plain number or boolean cannot stand for.
    private var isName: Bool {
        switch self {
        case .name, .projectPath, .path, .urlPath, .webURL, .host, .headerName, .identifier, .jsonPath, .word: true
        case .text, .filled, .boolean, .yes, .integer, .version, .duration, .hold, .weight, .amount, .cpu, .memory,
            .size, .listen, .shareLimit, .durationLimit, .rateLimit, .rate, .form:
            false
        }
    }

    /// A number or boolean in quotes, where it must not be.
    private func isWrittenAsText(_ scalar: TreeScalar) -> Bool {
        var plain = scalar
        plain.isPlain = true
        return !scalar.isPlain && (plain.number != nil || plain.boolean != nil)
    }

    /// A number alone, where a unit belongs.
    private func missingUnit(_ text: String) -> ScalarTrouble? {
        let number = text.drop { "<>= ".contains($0) }
        let sign = String(text.prefix(text.count - number.count))
        guard Quantity.isBareNumber(number) else { return nil }
        let written: String
        switch self {
        case .duration, .hold: written = Quantity.duration(text) == nil ? "\(text)s" : ""
        case .durationLimit: written = "\"\(sign.isEmpty ? "<= " : sign)\(number)ms\""
        case .weight: written = "\(text)%"
        case .memory, .size: written = "\(text)Mi"
        case .shareLimit: written = "\"\(sign.isEmpty ? "<= " : sign)\(number)%\""
        case .rateLimit: written = "\"\(sign.isEmpty ? ">= " : sign)\(number)/s\""
        case .rate: written = "\(text)/s"
        case .text, .filled, .word, .boolean, .yes, .integer, .version, .amount, .cpu, .name, .projectPath, .path,
            .urlPath, .webURL,
            .listen, .host, .headerName, .identifier, .jsonPath, .form:
            return nil
        }
        guard !written.isEmpty else { return nil }
        return ScalarTrouble(
            code: .missingUnit, message: "needs a unit, not \(shown(text)) alone", hint: "for example `\(written)`")
    }

    private func accepts(_ scalar: TreeScalar) -> Bool {
        let text = scalar.text
        if isName, scalar.number != nil || scalar.boolean != nil { return false }
        switch self {
        case .text: return !text.unicodeScalars.contains("\0")
        case .filled: return !text.isEmpty && !text.unicodeScalars.contains("\0")
        case .word(let words): return words.contains(text)
        case .boolean: return scalar.boolean != nil
        case .yes: return scalar.boolean == true
        case .integer(let range): return scalar.integer.map(range.contains) ?? false
        case .version(let number): return scalar.integer == number
        case .duration(let mayBeZero): return Quantity.duration(text).map { mayBeZero || $0 > .zero } ?? false
        case .hold: return text == "untilPromoted" || (Quantity.duration(text).map { $0 > .zero } ?? false)
        case .weight: return Quantity.percent(text).map { $0 > 0 } ?? false
        case .amount: return Quantity.amount(text) != nil
        case .cpu: return Quantity.cpuRange(text) != nil
        case .memory: return Quantity.memoryRange(text) != nil
        case .size: return Quantity.bytes(text) != nil
        case .name: return isValidName(text)
        case .projectPath: return Self.staysInside(text)
        case .path: return Self.isPath(text)
        case .urlPath: return text.hasPrefix("/") && Self.isVisible(text)
        case .webURL: return Self.isWebURL(text)
        case .listen: return Quantity.listen(text) != nil
        case .host: return Self.isHost(text)
        case .form(let form): return form.accepts(text)
        case .headerName: return Self.isHeaderName(text)
        case .identifier: return Self.isIdentifier(text)
        case .jsonPath: return Self.isJSONPath(text)
        case .shareLimit: return Quantity.shareLimit(text) != nil
        case .durationLimit: return Quantity.durationLimit(text) != nil
        case .rateLimit: return Quantity.rateLimit(text) != nil
        case .rate: return Quantity.rate(text) != nil
        }
    }
}

extension ScalarShape {
    static func isWebURL(_ text: String) -> Bool {
        guard let scheme = ["http://", "https://"].first(where: { text.hasPrefix($0) }) else { return false }
        let rest = text.dropFirst(scheme.count)
        let authority = rest.prefix { !"/?#".contains($0) }
        return !authority.isEmpty && !authority.contains("@") && rest.utf8.allSatisfy { $0 > 0x20 && $0 < 0x7f }
            && !rest.contains("#")
    }

    /// Relative, and no part of it goes up.
    static func staysInside(_ text: String) -> Bool {
        isPath(text) && !text.hasPrefix("/") && !text.split(separator: "/").contains("..")
    }

    static func isPath(_ text: String) -> Bool {
        !text.isEmpty && text.utf8.count <= 1024 && !text.unicodeScalars.contains { $0.value < 0x20 }
    }

    /// No spaces and no control characters.
    static func isVisible(_ text: String) -> Bool {
        text.utf8.count <= 2048 && text.unicodeScalars.allSatisfy { $0.value > 0x20 && $0.value != 0x7F }
    }

    static func isHost(_ text: String) -> Bool {
        let name = text.hasPrefix("*.") ? text.dropFirst(2) : Substring(text)
        let labels = name.split(separator: ".", omittingEmptySubsequences: false)
        return name.utf8.count <= 253
            && labels.allSatisfy { label in
                (1...63).contains(label.utf8.count) && label.first != "-" && label.last != "-"
                    && label.utf8.allSatisfy { isIdentifierByte($0) }
            }
    }

    static func isHeaderName(_ text: String) -> Bool {
        let others = Array("!#$%&'*+-.^_`|~".utf8)
        return (1...256).contains(text.utf8.count)
            && text.utf8.allSatisfy { isIdentifierByte($0) || others.contains($0) }
    }

    static func isIdentifier(_ text: String) -> Bool {
        (1...100).contains(text.utf8.count) && text.utf8.allSatisfy { isIdentifierByte($0) }
    }

    /// A name as programs and shells know it: a letter or `_` first.
    static func isVariableName(_ text: String) -> Bool {
        guard let first = text.utf8.first, !(48...57).contains(first), text.utf8.count <= 256 else { return false }
        return text.utf8.allSatisfy { isIdentifierByte($0) && $0 != UInt8(ascii: "-") }
    }

    /// `id`, `items[0].id`, `[2].name`; an optional `$` or `$.` in front is not taken, so that there is one spelling.
    static func isJSONPath(_ text: String) -> Bool {
        guard !text.isEmpty, text.utf8.count <= 256 else { return false }
        var rest = Substring(text)
        var isFirst = true
        while !rest.isEmpty {
            if rest.first == "[" {
                guard let end = rest.firstIndex(of: "]") else { return false }
                let index = rest[rest.index(after: rest.startIndex)..<end]
                guard (1...9).contains(index.count), index.utf8.allSatisfy({ (48...57).contains($0) }) else {
                    return false
                }
                rest = rest[rest.index(after: end)...]
            } else {
                if !isFirst {
                    guard rest.first == "." else { return false }
                    rest = rest.dropFirst()
                }
                let name = rest.prefix { $0.isASCII && isIdentifierByte($0.asciiValue ?? 0) }
                guard !name.isEmpty else { return false }
                rest = rest[name.endIndex...]
            }
            isFirst = false
        }
        return true
    }

    private static func isIdentifierByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), UInt8(ascii: "-"):
            true
        default: false
        }
    }
}

extension ScalarTrouble {
    fileprivate func with(_ code: DiagnosticCode? = nil, hint: String? = nil) -> ScalarTrouble {
        ScalarTrouble(code: code ?? self.code, message: message, hint: hint ?? self.hint)
    }

    /// Both ends of a range can be read, yet the range cannot.
    fileprivate static func areBackwards(_ ends: [Substring], _ shape: ScalarShape) -> Bool {
        if shape == .cpu { return ends.allSatisfy { Quantity.cpu($0) != nil } }
        return ends.allSatisfy { Quantity.bytes($0) != nil }
    }
}

extension KeyShape {
    /// Nil when the key is right; else what a key must be.
    func trouble(with key: String) -> (code: DiagnosticCode, hint: String)? {
        switch self {
        case .name: isValidName(key) ? nil : (.badName, ScalarShape.name.hint)
        case .variable:
            ScalarShape.isVariableName(key) ? nil : (.badName, "letters, digits and `_`, no digit first: `LOG_LEVEL`")
        case .headerName: ScalarShape.isHeaderName(key) ? nil : (.badName, "for example `Accept`")
        case .relativePath: ScalarShape.staysInside(key) ? nil : (.outsideProject, "relative, without `..`")
        case .jsonPath: ScalarShape.isJSONPath(key) ? nil : (.badName, ScalarShape.jsonPath.hint)
        case .label:
            ClusterForm.isLabel(key)
                ? nil : (.badName, "`name` or `example.com/name`: letters, digits, `-`, `_` and `.`, at most 63")
        case .identifier: ScalarShape.isIdentifier(key) ? nil : (.badName, "letters, digits, `_` and `-`")
        }
    }
}
