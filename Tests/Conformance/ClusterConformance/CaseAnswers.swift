package import KubernetesObjects

/// What a server answered to a case, step by step.
package struct CaseAnswers: Hashable, Sendable {
    package var steps: [StepAnswer]

    /// One line a step, so that a difference is easy to see.
    package var text: String {
        "[\n" + steps.map { ObjectText.json($0.value) }.joined(separator: ",\n") + "\n]\n"
    }

    package init(steps: [StepAnswer]) { self.steps = steps }

    package init(text: String, name: String) throws {
        guard case .list(let items)? = ObjectValue(json: Array(text.utf8)) else {
            throw CaseFlaw("the answers of \(name) are no JSON list")
        }
        steps = items.map { item in
            StepAnswer(
                step: item["step"]?.text ?? "", status: Int(item["status"]?.number ?? 0),
                warnings: Int(item["warnings"]?.number ?? 0), body: item["body"])
        }
    }

    /// What is different, for people; empty when these answers are as good as those that were recorded.
    package func differences(from recorded: CaseAnswers) -> [String] {
        var found: [String] = []
        for index in 0..<max(steps.count, recorded.steps.count) {
            guard index < steps.count, index < recorded.steps.count, steps[index].step == recorded.steps[index].step
            else { return found + ["step \(index + 1): the case and its recorded answers are of different steps"] }
            let got = steps[index]
            let wanted = recorded.steps[index]
            let place = "step \(index + 1), \(got.step)"
            if got.status != wanted.status { found.append("\(place): status \(got.status), not \(wanted.status)") }
            if got.warnings != wanted.warnings {
                found.append("\(place): \(got.warnings) warnings, not \(wanted.warnings)")
            }
            ValueDifference.find(Self.promised(wanted.body), Self.promised(got.body), place, into: &found)
        }
        return found
    }

    /// A refusal's words are each server's own, but for conflicts of owners, which people read.
    private static func promised(_ body: ObjectValue?) -> ObjectValue {
        // A watch tells of its troubles as an event.
        if case .list(let events)? = body {
            return .list(events.map { $0["object"] == nil ? $0 : $0.setting("object", to: promised($0["object"])) })
        }
        guard let body, body["kind"]?.text == "Status", body["apiVersion"]?.text == "v1" else { return body ?? .null }
        let causes = body.at("details", "causes")?.items ?? []
        let isOfOwners = causes.contains { $0["reason"]?.text == "FieldManagerConflict" }
        if isOfOwners { return body }
        // Servers differ in the order in which they look.
        let places = causes.map { "\($0["field"]?.text ?? "") \($0["reason"]?.text ?? "")" }.sorted()
        return [
            "kind": "Status", "status": body["status"], "reason": body["reason"], "code": body["code"],
            "details": body["details"].map { details in
                [
                    "kind": details["kind"], "name": details["name"], "group": details["group"],
                    "causes": ObjectValue.texts(places).unlessEmpty,
                ]
            },
        ]
    }
}

/// What was answered to one step.
package struct StepAnswer: Hashable, Sendable {
    /// As the case says it.
    package var step: String
    package var status: Int
    /// How many `Warning` headers.
    package var warnings: Int
    /// What of the answer is compared.
    package var body: ObjectValue?
    /// The whole of it, from which names that a server made up are known. It is not kept.
    var seen: ObjectValue = .null

    package init(step: String, status: Int, warnings: Int, body: ObjectValue? = nil) {
        self.step = step
        self.status = status
        self.warnings = warnings
        self.body = body
    }

    var value: ObjectValue {
        [
            "step": .text(step), "status": .number(status), "warnings": warnings == 0 ? nil : .number(warnings),
            "body": body,
        ]
    }
}

/// Where two values differ.
enum ValueDifference {
    /// - Parameter place: where in the whole, for people.
    static func find(_ wanted: ObjectValue, _ got: ObjectValue, _ place: String, into found: inout [String]) {
        switch (wanted, got) {
        case (.map(let old), .map(let new)):
            for field in old {
                guard let other = got[field.key] else {
                    found.append("\(place) › \(field.key): missing; \(short(field.value))")
                    continue
                }
                find(field.value, other, "\(place) › \(field.key)", into: &found)
            }
            for field in new where wanted[field.key] == nil {
                found.append("\(place) › \(field.key): \(short(field.value)), and there should be nothing")
            }
        case (.list(let old), .list(let new)):
            if old.count != new.count {
                found.append("\(place): \(new.count) items, not \(old.count): \(short(got)), not \(short(wanted))")
                return
            }
            for index in old.indices { find(old[index], new[index], "\(place) › \(index)", into: &found) }
        case _:
            if wanted != got { found.append("\(place): \(short(got)), not \(short(wanted))") }
        }
    }

    private static func short(_ value: ObjectValue) -> String { String(ObjectText.json(value).prefix(300)) }
}
