import ClusterConformance
import KubernetesObjects
import Testing

/// The suite itself: its data is whole, and it sees differences.
struct CaseTests {
    @Test func everyCaseHasAnswersAndEveryAnswerACase() {
        #expect(!CaseFiles.names.isEmpty)
        #expect(CaseFiles.names == CaseFiles.answered)
    }

    @Test(arguments: CaseFiles.names)
    func answersAreOfItsSteps(_ name: String) throws {
        let steps = try CaseFiles.read(name).steps.map { "\($0.method) \($0.path)" }
        let answered = try CaseFiles.answers(name)
        #expect(answered.steps.map(\.step) == steps)
        #expect(try CaseAnswers(text: answered.text, name: name) == answered)
        #expect(answered.differences(from: answered).isEmpty)
    }

    @Test(arguments: [
        (ObjectValue.map([ObjectField("a", 1)]), ObjectValue.map([ObjectField("a", 2)])),
        (.map([ObjectField("a", 1)]), .map([])), (.map([]), .map([ObjectField("a", 1)])), (.list([1]), .list([])),
        (.list([1, 2]), .list([2, 1])), (.text("1"), .number(1)),
    ])
    func differencesAreSeen(_ wanted: ObjectValue, _ got: ObjectValue) {
        let recorded = CaseAnswers(steps: [StepAnswer(step: "GET /", status: 200, warnings: 0, body: wanted)])
        let answers = CaseAnswers(steps: [StepAnswer(step: "GET /", status: 200, warnings: 0, body: got)])
        #expect(!answers.differences(from: recorded).isEmpty)
    }

    @Test func statusWarningsAndStepsAreCompared() {
        func answers(_ status: Int, _ warnings: Int, _ step: String = "GET /") -> CaseAnswers {
            CaseAnswers(steps: [StepAnswer(step: step, status: status, warnings: warnings, body: nil)])
        }
        #expect(answers(200, 0).differences(from: answers(404, 0)).count == 1)
        #expect(answers(200, 1).differences(from: answers(200, 0)).count == 1)
        #expect(answers(200, 0, "GET /a").differences(from: answers(200, 0)).count == 1)
        #expect(CaseAnswers(steps: []).differences(from: answers(200, 0)).count == 1)
    }

    @Test func aRefusalsWordsAreTheServersOwn() {
        func refusal(_ message: String, _ field: String, _ reason: String) -> CaseAnswers {
            let cause: ObjectValue = ["field": .text(field), "reason": .text(reason), "message": .text(message)]
            let body: ObjectValue = [
                "kind": "Status", "apiVersion": "v1", "code": 422, "reason": "Invalid", "message": .text(message),
                "details": ["name": "web", "causes": .list([cause])],
            ]
            return CaseAnswers(steps: [StepAnswer(step: "POST /", status: 422, warnings: 0, body: body)])
        }
        let recorded = refusal("no", "spec.selector", "FieldValueRequired")
        #expect(refusal("never", "spec.selector", "FieldValueRequired").differences(from: recorded).isEmpty)
        #expect(!refusal("no", "spec.template", "FieldValueRequired").differences(from: recorded).isEmpty)
        let owned = refusal("conflict with \"a\"", ".spec.replicas", "FieldManagerConflict")
        let other = refusal("conflict with \"b\"", ".spec.replicas", "FieldManagerConflict")
        #expect(!other.differences(from: owned).isEmpty)
    }

    @Test(arguments: [
        ("a/b", "1"), ("a/list/1/v", "y"), ("a/list/name=n/v", "y"), ("a/list/m.k=z/v", "x"), ("a/list/#", "2"),
        ("a/x~1y", "s"), ("a/none", nil), ("a/list/7", nil),
    ])
    func pathsLead(_ path: String, _ wanted: String?) throws {
        let value = ObjectValue(
            json: Array(#"{"a":{"b":1,"x/y":"s","list":[{"v":"x","m":{"k":"z"}},{"v":"y","name":"n"}]}}"#.utf8))
        let found = FieldPath(path).value(in: try #require(value))
        #expect(found.map { ObjectText.json($0).replacing("\"", with: "") } == wanted)
    }
}
