import FoundationEssentials
package import KubernetesAPI
import KubernetesObjects

/// Plays a case against a server.
package struct CaseRun: Sendable {
    private let client: KubernetesClient
    private let story: ClusterCase
    /// `$ID`: letters and digits, a letter first, as names may be.
    private let id: String

    package init(_ story: ClusterCase, _ client: KubernetesClient) {
        self.client = client
        self.story = story
        id = "c" + String(UInt64.random(in: 0..<(1 << 40)), radix: 36)
    }

    private var namespace: String { "case-\(id)" }
    private var namespacePath: String { "/api/v1/namespaces/\(namespace)" }

    /// The answers, with placeholders where servers differ.
    package func answers() async throws -> CaseAnswers {
        let outcome: Result<[StepAnswer], any Error>
        do {
            try await prepare()
            outcome = .success(try await play())
        } catch {
            outcome = .failure(error)
        }
        // The first trouble is the one to tell; what could not be removed does not hide it.
        do { try await clean() } catch {
            if case .success = outcome { throw error }
        }
        var placeholders = Placeholders(told: story.text, names: [(namespace, "<namespace>"), (id, "<id>")])
        return placeholders.normal(try outcome.get())
    }

    // MARK: - The namespace

    private func prepare() async throws {
        let labels = story.labels.map { label in label }
        let object: ObjectValue = [
            "apiVersion": "v1", "kind": "Namespace", "metadata": ["name": .text(namespace), "labels": labels],
        ]
        let made = try await client.send(RawRequest("POST", "/api/v1/namespaces", body: Self.bytes(object)))
        guard made.status == 201 else {
            throw CaseFlaw("the namespace was not made: \(made.status) \(String(decoding: made.body, as: UTF8.self))")
        }
        // Pods are refused before.
        let deadline = ContinuousClock.now + .seconds(60)
        while try await client.send(RawRequest("GET", "\(namespacePath)/serviceaccounts/default")).status != 200 {
            guard ContinuousClock.now < deadline else { throw CaseFlaw("no default ServiceAccount after a minute") }
            try await Self.pause()
        }
    }

    private func clean() async throws {
        for path in story.cleanup + ["/api/v1/namespaces/$NS"] {
            let path = substituted(path, [:])
            let gone = try await client.send(RawRequest("DELETE", path))
            guard [200, 202, 404, 409].contains(gone.status) else {
                throw CaseFlaw("\(path) was not deleted: \(gone.status)")
            }
        }
    }

    // MARK: - Steps

    private func play() async throws -> [StepAnswer] {
        var names: [String: ObjectValue] = [:]
        var answers: [StepAnswer] = []
        for step in story.steps {
            let request = request(step, names)
            let title = "\(step.method) \(step.path)"
            var answer: StepAnswer
            var whole: ObjectValue
            do {
                if step.method == "WATCH" {
                    (answer, whole) = try await watch(step, request, title)
                } else {
                    (answer, whole) = try await ask(step, request, title, names)
                }
                for saved in step.saved {
                    guard let value = saved.path.value(in: whole) else {
                        throw CaseFlaw("nothing at \(saved.path) to save: \(ObjectText.json(whole).prefix(300))")
                    }
                    names[saved.name] = value
                }
            } catch {
                throw CaseFlaw("\(title): \(error)")
            }
            if let order = step.order { whole = Self.sorted(whole, by: order) }
            if step.method != "WATCH" { answer.body = Self.part(whole, step) }
            answer.seen = whole
            answers.append(answer)
        }
        return answers
    }

    private func request(_ step: CaseStep, _ names: [String: ObjectValue]) -> RawRequest {
        let body =
            step.body.map { Self.bytes(substituted($0, names)) }
            ?? step.words.map { Array(substituted($0, names).utf8) }
        return RawRequest(
            step.method == "WATCH" ? "GET" : step.method, substituted(step.path, names), body: body, type: step.type,
            accept: step.accept,
            headers: step.user.map { [RawHeader("Impersonate-User", substituted($0, names))] } ?? [])
    }

    private func ask(
        _ step: CaseStep, _ request: RawRequest, _ title: String, _ names: [String: ObjectValue]
    ) async throws -> (StepAnswer, ObjectValue) {
        let deadline = ContinuousClock.now + .milliseconds(step.limit)
        let wishes = step.until.map { FieldWish(path: $0.path, value: substituted($0.value, names)) }
        while true {
            let answer = try await client.send(request)
            let value = ObjectValue(json: answer.body) ?? .text(String(decoding: answer.body, as: UTF8.self))
            let lacking = wishes.first { wish in
                let found = wish.path == .httpStatus ? .number(answer.status) : wish.path.value(in: value)
                // Servers write `null` for some lists that are empty.
                return (found ?? .null) != wish.value
            }
            guard let lacking else {
                return (StepAnswer(step: title, status: answer.status, warnings: answer.values("Warning").count), value)
            }
            guard ContinuousClock.now < deadline else {
                let found = lacking.path.value(in: value).map { ObjectText.json($0) } ?? "missing"
                throw CaseFlaw(
                    "\(lacking.path) is \(found), and not \(ObjectText.json(lacking.value)), "
                        + "after \(step.limit) ms, in \(ObjectText.json(value).prefix(2000))")
            }
            try await Self.pause()
        }
    }

    /// A poll's. A condition is asked for, with a deadline.
    private static func pause() async throws { try await Task.sleep(for: .milliseconds(50)) }

    private func watch(
        _ step: CaseStep, _ request: RawRequest, _ title: String
    ) async throws -> (StepAnswer, ObjectValue) {
        let told = try await client.lines(of: request, upTo: step.events, within: step.limit)
        var answer = StepAnswer(step: title, status: told.answer.status, warnings: 0)
        guard told.answer.status == 200 else {
            let value = ObjectValue(json: told.answer.body) ?? .null
            answer.body = Self.part(value, step)
            return (answer, value)
        }
        let events = try told.lines.map { line throws -> ObjectValue in
            guard let event = ObjectValue(json: line) else { throw CaseFlaw("an event is no JSON") }
            return event
        }
        answer.body = .list(
            events.map { event in
                event.setting("object", to: Self.part(event["object"] ?? .null, step))
            })
        return (answer, .list(events))
    }

    private static func part(_ value: ObjectValue, _ step: CaseStep) -> ObjectValue {
        if step.shown.isEmpty { return step.hidden.reduce(value) { $1.removed(from: $0) } }
        return .map(
            step.shown.map { path in
                let found = path.value(in: value)
                let left = found.map { found in step.hidden.reduce(found) { $1.removed(from: $0) } }
                return ObjectField(path.description, left ?? .null)
            })
    }

    private static func sorted(_ list: ObjectValue, by order: FieldPath) -> ObjectValue {
        let items = list["items"]?.items ?? []
        return list.setting(
            "items",
            to: .list(items.sorted { (order.value(in: $0)?.words ?? "") < (order.value(in: $1)?.words ?? "") }))
    }

    // MARK: - Names

    private func substituted(_ value: ObjectValue, _ names: [String: ObjectValue]) -> ObjectValue {
        switch value {
        case .text(let text):
            // A whole value keeps its kind.
            if text.hasPrefix("$"), let whole = names[String(text.dropFirst())] { return whole }
            return .text(substituted(text, names))
        case .list(let items): return .list(items.map { substituted($0, names) })
        case .map(let fields):
            return .map(fields.map { ObjectField(substituted($0.key, names), substituted($0.value, names)) })
        case .number, .bool, .fraction, .null: return value
        }
    }

    private func substituted(_ text: String, _ names: [String: ObjectValue]) -> String {
        guard text.contains("$") else { return text }
        var text = text.replacing("$NS", with: namespace).replacing("$ID", with: id)
        // The longest first: `$pod` is the beginning of `$podName`.
        for (name, value) in names.sorted(by: { $0.key.utf8.count > $1.key.utf8.count }) {
            text = text.replacing("$\(name)", with: value.words ?? "")
        }
        return text
    }

    private static func bytes(_ value: ObjectValue) -> [UInt8] { Array(ObjectText.json(value).utf8) }
}
