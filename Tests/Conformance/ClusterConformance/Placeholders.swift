import KubernetesObjects

/// Puts `<uid 1>`, `<version 2>`, `<time>` and their like where each server, and each run, answers something else. Two that
/// were equal still are, and of two versions the later one has the higher number.
struct Placeholders {
    /// What the case itself says is no server's invention.
    private let told: String
    private let names: [(String, String)]
    /// Ends of made-up names, and marks of pod templates.
    private var suffixes: [String] = []
    private var hashes: [String] = []
    private var versions: [String: Int] = [:]
    private var numbers: [String: [String: Int]] = [:]

    init(told: String, names: [(String, String)]) {
        self.told = told
        self.names = names
    }

    mutating func normal(_ steps: [StepAnswer]) -> CaseAnswers {
        for step in steps { gather(step.seen) }
        var found: Set<UInt64> = []
        for step in steps { if let body = step.body { Self.versions(in: body, isList: false, &found) } }
        for (index, version) in found.sorted().enumerated() { versions[String(version)] = index + 1 }
        return CaseAnswers(
            steps: steps.map { step in
                StepAnswer(
                    step: step.step, status: step.status, warnings: step.warnings,
                    body: step.body.map { replaced($0, key: "", isList: false) })
            })
    }

    // MARK: - What there is

    private mutating func gather(_ value: ObjectValue) {
        switch value {
        case .map(let fields):
            if let metadata = value["metadata"], let stem = metadata["generateName"]?.text,
                let name = metadata["name"]?.text, name.hasPrefix(stem)
            {
                add(String(name.dropFirst(stem.count)), to: &suffixes)
            }
            if let hash = value["pod-template-hash"]?.text { add(hash, to: &hashes) }
            for field in fields { gather(field.value) }
        case .list(let items): for item in items { gather(item) }
        case .text, .number, .bool, .fraction, .null: break
        }
    }

    private func add(_ word: String, to words: inout [String]) {
        if !word.isEmpty, !words.contains(word), !told.contains(word) { words.append(word) }
    }

    /// A list's own version is of all that the server holds.
    private static func versions(in value: ObjectValue, isList: Bool, _ found: inout Set<UInt64>) {
        switch value {
        case .map(let fields):
            let isOfMany = value["items"] != nil || value["rows"] != nil || value["type"]?.text == "BOOKMARK"
            for field in fields {
                if isVersion(field.key) {
                    if !isList, let text = field.value.text, let number = UInt64(text) { found.insert(number) }
                } else {
                    versions(in: field.value, isList: isList || isOfMany, &found)
                }
            }
        case .list(let items): for item in items { versions(in: item, isList: false, &found) }
        case .text, .number, .bool, .fraction, .null: break
        }
    }

    private static func isVersion(_ key: String) -> Bool {
        key == "resourceVersion" || key.hasSuffix("/resourceVersion")
    }

    // MARK: - In their place

    private mutating func replaced(_ value: ObjectValue, key: String, isList: Bool) -> ObjectValue {
        switch value {
        case .map(let fields):
            let isOfMany = value["items"] != nil || value["rows"] != nil || value["type"]?.text == "BOOKMARK"
            var made: [ObjectField] = []
            for field in fields.sorted(by: { $0.key < $1.key }) {
                made.append(
                    ObjectField(words(field.key), replaced(field.value, key: field.key, isList: isList || isOfMany)))
            }
            return .map(made)
        case .list(let items):
            var made: [ObjectValue] = []
            let isOfOwners = key == "managedFields" || key.hasSuffix("/managedFields")
            for item in isOfOwners ? Self.sorted(owners: items) : items {
                made.append(replaced(item, key: key, isList: false))
            }
            return .list(made)
        case .text(let text):
            return .text(Self.isVersion(key) && isList ? "<version of the list>" : scalar(text, key: key))
        case .number(let number):
            let isMadeUp = key == "nodePort" && !told.contains(String(number))
            return isMadeUp ? .text("<port \(self.number("port", String(number)))>") : value
        case .bool, .fraction, .null: return value
        }
    }

    /// Servers sort owners by whole seconds before names: two in a row stand otherwise when a second ends in between.
    private static func sorted(owners: [ObjectValue]) -> [ObjectValue] {
        func rank(_ owner: ObjectValue) -> String {
            ["operation", "manager", "subresource"].map { owner[$0]?.text ?? "" }.joined(separator: " ")
        }
        return owners.sorted { rank($0) < rank($1) }
    }

    private mutating func scalar(_ text: String, key: String) -> String {
        if Self.isVersion(key), UInt64(text) != nil {
            return versions[text].map { "<version \($0)>" } ?? text
        }
        if key == "continue", !text.isEmpty { return "<continue>" }
        if ["clusterIP", "clusterIPs"].contains(key), text != "None", !text.isEmpty, !told.contains(text) {
            return "<address \(number("address", text))>"
        }
        if Self.isTime(text), !told.contains(text) { return "<time>" }
        return words(text)
    }

    private mutating func words(_ text: String) -> String {
        var text = text
        for (name, placeholder) in names { text = text.replacing(name, with: placeholder) }
        for hash in hashes where text.contains(hash) {
            text = text.replacing(hash, with: "<hash \(number("hash", hash))>")
        }
        for suffix in suffixes where text.contains("-\(suffix)") {
            text = text.replacing("-\(suffix)", with: "-<suffix \(number("suffix", suffix))>")
        }
        while let range = Self.uid(in: text) {
            let uid = String(text[range])
            text.replaceSubrange(range, with: told.contains(uid) ? uid : "<uid \(number("uid", uid))>")
            if told.contains(uid) { break }
        }
        return text
    }

    private mutating func number(_ kind: String, _ text: String) -> Int {
        if let known = numbers[kind]?[text] { return known }
        let next = (numbers[kind]?.count ?? 0) + 1
        numbers[kind, default: [:]][text] = next
        return next
    }

    /// `2026-11-21T22:00:00Z`, with or without fractions.
    static func isTime(_ text: String) -> Bool {
        let bytes = Array(text.utf8)
        guard bytes.count >= 20, bytes.last == UInt8(ascii: "Z"), bytes[10] == UInt8(ascii: "T") else { return false }
        return bytes[..<10].elementsEqual("0000-00-00".utf8) { $0 == $1 || $1 == UInt8(ascii: "0") && isDigit($0) }
    }

    private static func isDigit(_ byte: UInt8) -> Bool { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) }

    /// The first run of 8-4-4-4-12 hexadecimal digits.
    private static func uid(in text: String) -> Range<String.Index>? {
        let bytes = Array(text.utf8)
        guard bytes.count >= 36 else { return nil }
        let dashes: Set<Int> = [8, 13, 18, 23]
        for start in 0...(bytes.count - 36) {
            let isUID = (0..<36).allSatisfy { offset in
                let byte = bytes[start + offset]
                if dashes.contains(offset) { return byte == UInt8(ascii: "-") }
                return isDigit(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
            }
            if isUID {
                let from = text.utf8.index(text.utf8.startIndex, offsetBy: start)
                return from..<text.utf8.index(from, offsetBy: 36)
            }
        }
        return nil
    }
}
