import KubernetesObjects

/// Why a request is refused: a `Status`.
struct Refusal: Error, Sendable {
    var code: Int
    var reason: String
    var message: String
    var details: ObjectValue?
    var retryAfter: Int?

    var value: ObjectValue {
        var details = details
        if let retryAfter { details = (details ?? [:]).setting("retryAfterSeconds", to: .number(retryAfter)) }
        return [
            "kind": "Status", "apiVersion": "v1", "metadata": [:], "status": "Failure", "message": .text(message),
            "reason": reason.isEmpty ? nil : .text(reason), "details": details, "code": .number(code),
        ]
    }

    private static func details(_ kind: ServedKind, _ name: String, _ causes: [ObjectValue] = []) -> ObjectValue {
        [
            "name": name.isEmpty ? nil : .text(name), "group": kind.group.isEmpty ? nil : .text(kind.group),
            "kind": .text(kind.plural), "causes": ObjectValue.list(causes).unlessEmpty,
        ]
    }

    static func notFound(_ kind: ServedKind, _ name: String) -> Refusal {
        Refusal(
            code: 404, reason: "NotFound", message: "\(kind.title) \"\(name)\" not found",
            details: details(kind, name))
    }

    static var noSuchPath: Refusal {
        Refusal(
            code: 404, reason: "NotFound", message: "the server could not find the requested resource", details: [:])
    }

    static var noSuchMethod: Refusal {
        Refusal(
            code: 405, reason: "MethodNotAllowed",
            message: "the server does not allow this method on the requested resource", details: [:])
    }

    static func exists(_ kind: ServedKind, _ name: String) -> Refusal {
        Refusal(
            code: 409, reason: "AlreadyExists", message: "\(kind.title) \"\(name)\" already exists",
            details: details(kind, name))
    }

    /// - Parameter named: what the details call it, in place of its plural.
    static func conflict(
        _ kind: ServedKind, _ name: String, _ why: String? = nil, named: String? = nil
    ) -> Refusal {
        let why =
            why ?? "the object has been modified; please apply your changes to the latest version and try again"
        var details = details(kind, name)
        if let named { details["kind"] = .text(named) }
        return Refusal(
            code: 409, reason: "Conflict",
            message: "Operation cannot be fulfilled on \(kind.title) \"\(name)\": \(why)", details: details)
    }

    static func forbidden(_ kind: ServedKind, _ name: String, _ why: String, causes: [ObjectValue] = []) -> Refusal {
        let subject = name.isEmpty ? kind.title : "\(kind.title) \"\(name)\""
        return Refusal(
            code: 403, reason: "Forbidden", message: "\(subject) is forbidden: \(why)",
            details: details(kind, name, causes))
    }

    static func bad(_ message: String) -> Refusal { Refusal(code: 400, reason: "BadRequest", message: message) }

    /// A patch that leads to something that is no object of its kind.
    static func unfit(_ message: String) -> Refusal {
        let words = "Invalid value: \(message)"
        return Refusal(
            code: 422, reason: "Invalid", message: " \"\" is invalid: patch: \(words)",
            details: [
                "causes": [["reason": "FieldValueInvalid", "message": .text(words), "field": "patch"]]
            ])
    }

    /// The server has no better word for it.
    static func broken(_ message: String) -> Refusal { Refusal(code: 500, reason: "", message: message) }

    static func gone(_ message: String) -> Refusal { Refusal(code: 410, reason: "Expired", message: message) }

    static func tooMany(_ message: String, after: Int) -> Refusal {
        Refusal(code: 429, reason: "TooManyRequests", message: message, details: [:], retryAfter: after)
    }

    /// - Parameter named: what the details call it, in place of its kind.
    static func invalid(
        _ kind: ServedKind, _ name: String, _ faults: [FieldFault], named: String? = nil
    ) -> Refusal {
        let words = faults.map { "\($0.field): \($0.words)" }
        let text = words.count == 1 ? words[0] : "[" + words.joined(separator: ", ") + "]"
        let causes = faults.map { fault -> ObjectValue in
            ["reason": .text(fault.reason), "message": .text(fault.words), "field": .text(fault.field)]
        }
        let title = kind.group.isEmpty ? kind.kind : "\(kind.kind).\(kind.group)"
        var details = details(kind, name, causes)
        details["kind"] = .text(named ?? kind.kind)
        return Refusal(
            code: 422, reason: "Invalid", message: "\(title) \"\(name)\" is invalid: \(text)", details: details)
    }

    /// Server-side apply met fields of others.
    static func owned(_ conflicts: FieldManagers.Conflicts) -> Refusal {
        var causes: [ObjectValue] = []
        var lines: [String] = []
        let count = conflicts.all.reduce(0) { $0 + $1.fields.count }
        for conflict in conflicts.all {
            let part = conflict.part.isEmpty ? "" : " with subresource \"\(conflict.part)\""
            let using = conflict.isApply ? "" : " using \(conflict.version)"
            let who = "conflict with \"\(conflict.manager)\"\(part)\(using)"
            let fields = conflict.fields.map { $0.map(\.words).joined() }
            let many = "conflicts" + who.dropFirst("conflict".count)
            lines.append(count == 1 ? "\(who): \(fields[0])" : "\(many):\n- " + fields.joined(separator: "\n- "))
            causes += fields.map {
                ["reason": "FieldManagerConflict", "message": .text(who), "field": .text($0)]
            }
        }
        let noun = count == 1 ? "conflict" : "conflicts"
        return Refusal(
            code: 409, reason: "Conflict",
            message: "Apply failed with \(count) \(noun): " + lines.joined(separator: "\n"),
            details: ["causes": .list(causes)])
    }
}

/// One thing that is wrong with an object.
struct FieldFault: Sendable {
    var field: String
    /// `FieldValueRequired`, `FieldValueInvalid`, `FieldValueForbidden`, `FieldValueNotSupported`
    var reason: String
    var words: String

    static func required(_ field: String, _ why: String = "") -> FieldFault {
        FieldFault(
            field: field, reason: "FieldValueRequired", words: "Required value" + (why.isEmpty ? "" : ": \(why)"))
    }

    static func invalid(_ field: String, _ value: ObjectValue?, _ why: String) -> FieldFault {
        FieldFault(
            field: field, reason: "FieldValueInvalid",
            words: "Invalid value: \(value.map { ObjectText.json($0) } ?? "null"): \(why)")
    }

    static func forbidden(_ field: String, _ why: String) -> FieldFault {
        FieldFault(field: field, reason: "FieldValueForbidden", words: "Forbidden: \(why)")
    }
}
