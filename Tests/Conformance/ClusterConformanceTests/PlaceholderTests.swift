import KubernetesObjects
import Testing

@testable import ClusterConformance

/// What differs from server to server, and from run to run, is told apart by nothing but its order.
struct PlaceholderTests {
    private func normal(_ texts: String..., told: String = "") throws -> [String] {
        var placeholders = Placeholders(told: told, names: [("case-abc", "<namespace>"), ("abc", "<id>")])
        let steps = try texts.map { text -> StepAnswer in
            let value = try #require(ObjectValue(json: Array(text.utf8)))
            var step = StepAnswer(step: "GET /", status: 200, warnings: 0, body: value)
            step.seen = value
            return step
        }
        return placeholders.normal(steps).steps.map { ObjectText.json($0.body ?? .null) }
    }

    @Test func versionsKeepTheirOrder() throws {
        let made = try normal(
            #"{"metadata":{"resourceVersion":"900"}}"#, #"{"metadata":{"resourceVersion":"1000"}}"#,
            #"{"metadata":{"resourceVersion":"900"}}"#)
        #expect(made.map { $0.contains("<version 1>") } == [true, false, true])
        #expect(made[1].contains("<version 2>"))
    }

    /// Others write too: a list's version may be that of its latest object, or a later one.
    @Test(arguments: ["7", "8"])
    func aListsOwnVersionIsNotCompared(_ version: String) throws {
        let made = try normal(
            #"{"items":[{"metadata":{"resourceVersion":"7"}}],"metadata":{"resourceVersion":"\#(version)"}}"#)
        #expect(
            made == [
                #"{"items":[{"metadata":{"resourceVersion":"<version 1>"}}],"metadata":{"resourceVersion":"<version of the list>"}}"#
            ])
    }

    @Test func namesThatWereMadeUpAreKnownEverywhere() throws {
        let made = try normal(
            #"""
            {"metadata":{"generateName":"web-5d4f-","name":"web-5d4f-x2k9z","labels":{"pod-template-hash":"5d4f"},
            "uid":"11111111-2222-3333-4444-555555555555","creationTimestamp":"2026-11-21T22:00:00Z"}}
            """#, #"{"message":"case-abc/web-5d4f-x2k9z of 11111111-2222-3333-4444-555555555555 and abc.example.com"}"#)
        #expect(made[0].contains(#""name":"web-<hash 1>-<suffix 1>""#))
        #expect(made[0].contains(#""creationTimestamp":"<time>""#) && made[0].contains(#""uid":"<uid 1>""#))
        #expect(made[1] == #"{"message":"<namespace>/web-<hash 1>-<suffix 1> of <uid 1> and <id>.example.com"}"#)
    }

    @Test func whatTheCaseSaysStays() throws {
        let made = try normal(
            #"{"clusterIP":"10.0.0.9","nodePort":30001,"renewTime":"2026-01-01T00:00:00.000000Z"}"#,
            #"{"clusterIP":"10.0.0.8","nodePort":30002,"renewTime":"2026-01-01T00:00:09.000000Z"}"#,
            told: "10.0.0.9 30001 2026-01-01T00:00:00.000000Z")
        #expect(made[0] == #"{"clusterIP":"10.0.0.9","nodePort":30001,"renewTime":"2026-01-01T00:00:00.000000Z"}"#)
        #expect(made[1] == #"{"clusterIP":"<address 1>","nodePort":"<port 1>","renewTime":"<time>"}"#)
    }

    @Test func ownersAreSorted() throws {
        let made = try normal(
            #"{"managedFields":[{"manager":"b","operation":"Update"},{"manager":"a","operation":"Update"}]}"#,
            #"{"managedFields":[{"manager":"a","operation":"Update"},{"manager":"b","operation":"Update"}]}"#)
        #expect(made[0] == made[1])
    }
}
