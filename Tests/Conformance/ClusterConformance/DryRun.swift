package import KubernetesAPI
import KubernetesObjects
import Yams

/// Objects as files say them, applied in a dry run. Nothing is kept but, for as long as it takes, the namespace.
package struct DryRun: Sendable {
    /// How many were taken.
    package var accepted = 0
    /// Refusals and warnings, for people.
    package var troubles: [String] = []
    /// Kinds that the server does not have.
    package var absent: Set<String> = []

    /// - Parameter namespace: where they go, in place of what they say.
    package static func apply(
        _ yaml: String, namespace: String, _ client: KubernetesClient
    ) async throws -> DryRun {
        let objects = try Yams.compose_all(yaml: yaml).map { try CaseReader.value($0) }
        let path = "/api/v1/namespaces/\(namespace)"
        let own =
            objects.first { $0["kind"]?.text == "Namespace" } ?? [
                "apiVersion": "v1", "kind": "Namespace", "metadata": [:],
            ]
        let made = own.setting(["metadata", "name"], to: .text(namespace))
        let answer = try await client.send(request(made, path, isDry: false))
        guard answer.status == 201 else { throw CaseFlaw("the namespace was not made: \(answer.status)") }
        var result = DryRun()
        let outcome: Result<Void, any Error>
        do {
            for object in objects where object["kind"]?.text != "Namespace" {
                try await result.apply(object, namespace, client)
            }
            outcome = .success(())
        } catch {
            outcome = .failure(error)
        }
        let gone = try await client.send(RawRequest("DELETE", path))
        guard gone.status == 200 || gone.status == 202 else { throw CaseFlaw("the namespace stays: \(gone.status)") }
        try outcome.get()
        return result
    }

    private mutating func apply(_ object: ObjectValue, _ namespace: String, _ client: KubernetesClient) async throws {
        let kind = object["kind"]?.text ?? ""
        let name = object.at("metadata", "name")?.text ?? ""
        guard let known = ObjectKind(rawValue: kind) else { throw CaseFlaw("\(kind) is no kind that is rendered") }
        var resource = APIResource(known)
        resource.version = object["apiVersion"]?.text ?? ""
        let object = object.setting(["metadata", "namespace"], to: .text(namespace))
        let path = resource.path(namespace: namespace, name: name)
        let answer = try await client.send(Self.request(object, path, isDry: true))
        let warnings = answer.values("Warning")
        switch answer.status {
        case 200, 201: accepted += 1
        // An apply creates what is not there: it is the kind that is missing.
        case 404 where !known.isBuiltIn: absent.insert(kind)
        case _: troubles.append("\(kind)/\(name): \(answer.status) \(String(decoding: answer.body, as: UTF8.self))")
        }
        troubles += warnings.map { "\(kind)/\(name): \($0)" }
    }

    private static func request(_ object: ObjectValue, _ path: String, isDry: Bool) -> RawRequest {
        RawRequest(
            "PATCH", "\(path)?fieldManager=slipway&fieldValidation=Strict\(isDry ? "&dryRun=All" : "")",
            body: Array(ObjectText.json(object).utf8), type: "application/apply-patch+yaml")
    }
}
