import Domain
import FoundationEssentials
import KubernetesObjects
import Manifests
import Testing

/// The catalogue of examples, rendered. `SLIPWAY_REWRITE_GOLDENS=1` writes the expected objects anew: read the
/// difference before you commit it.
@Suite struct CatalogueTests {
    static let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
    static let example = root.appending(path: "Examples/catalogue")
    static let goldens = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Goldens")
    static let environments = ["dev", "staging", "production"]

    static func rendered(_ environment: String) throws -> (RenderedCluster, ClusterSpec) {
        let project = try project(environment)
        let cluster = try #require(project.cluster)
        return (ClusterRendering(project, cluster: cluster).render(), cluster)
    }

    private static func project(_ environment: String) throws -> ProjectSpec {
        let text = try String(contentsOf: example.appending(path: "slipway.yaml"), encoding: .utf8)
        let parsed = Manifest.parse(text: text)
        let manifest = try #require(parsed.manifest, "\(parsed.diagnostics)")
        let result = manifest.project(environment: environment) { path in
            do {
                return .success(try String(contentsOf: example.appending(path: path), encoding: .utf8))
            } catch {
                return .failure(TemplateError("\(error)"))
            }
        }
        let project = try #require(result.project, "\(result.diagnostics)")
        #expect(result.diagnostics.filter { $0.severity != .note } == [])
        return project
    }

    /// Whatever is rendered belongs to somebody who applies it: nothing is left out in silence.
    @Test(arguments: environments)
    func everyObjectOfAReleaseHasItsOwner(_ environment: String) throws {
        let project = try Self.project(environment)
        var kinds: Set<ObjectKind> = []
        for plan in project.services {
            let parts = ReleaseParts(artifact: nil, spec: plan.spec, place: project.place(of: plan.spec))
            let release = Release(
                environment: project.environment, number: ReleaseNumber(3), digest: try parts.digest(), parts: parts,
                createdAt: 0, createdBy: "a test")
            let rendering = try #require(ReleaseRendering(release))
            let owned = [
                rendering.surroundings, rendering.own, rendering.shared, rendering.entrances, rendering.counted,
            ]
            let titles = owned.flatMap { $0 }.map(\.title)
            #expect(titles.sorted() == rendering.all.map(\.title).sorted())
            kinds.formUnion(rendering.all.map(\.kind))
        }
        if environment == "production" { #expect(kinds.isSuperset(of: [.cronJob, .jobSet, .autoscaler])) }
    }

    @Test(arguments: environments)
    func isRenderedAsExpected(_ environment: String) throws {
        let (rendered, _) = try Self.rendered(environment)
        #expect(rendered.troubles == [])
        let text = try ObjectText.yaml(rendered.objects)
        let golden = Self.goldens.appending(path: "catalogue-\(environment).yaml")
        if ProcessInfo.processInfo.environment["SLIPWAY_REWRITE_GOLDENS"] == "1" {
            try Data(text.utf8).write(to: golden)
        }
        #expect(text == (try String(contentsOf: golden, encoding: .utf8)))
        let again = try ObjectText.yaml(try Self.rendered(environment).0.objects)
        #expect(again == text)
    }

    /// What the level *restricted* of the Pod Security Standards asks of a pod.
    @Test(arguments: environments)
    func everyPodIsRestricted(_ environment: String) throws {
        let (rendered, _) = try Self.rendered(environment)
        let pods = rendered.objects.compactMap { Self.podSpec(of: $0) }
        #expect(pods.count >= 19)
        for pod in pods {
            #expect(pod.at("securityContext", "runAsNonRoot") == true)
            #expect(pod.at("securityContext", "seccompProfile", "type") == "RuntimeDefault")
            #expect(pod.at("securityContext", "runAsUser") != 0)
            for key in ["hostNetwork", "hostPID", "hostIPC"] { #expect(pod[key] == nil) }
            let containers = (pod["containers"]?.items ?? []) + (pod["initContainers"]?.items ?? [])
            #expect(!containers.isEmpty)
            for container in containers {
                #expect(container.at("securityContext", "allowPrivilegeEscalation") == false)
                #expect(container.at("securityContext", "capabilities", "drop") == ["ALL"])
                #expect(container.at("securityContext", "privileged") == nil)
                for port in container["ports"]?.items ?? [] { #expect(port["hostPort"] == nil) }
            }
            let allowed = ["configMap", "emptyDir", "persistentVolumeClaim", "secret"]
            for volume in pod["volumes"]?.items ?? [] {
                #expect(volume.fields.allSatisfy { $0.key == "name" || allowed.contains($0.key) })
            }
        }
    }

    private static func podSpec(of object: KubernetesObject) -> ObjectValue? {
        let value = object.value
        switch object.kind {
        case .deployment, .job: return value.at("spec", "template", "spec")
        case .cronJob: return value.at("spec", "jobTemplate", "spec", "template", "spec")
        case .jobSet:
            return value.at("spec", "replicatedJobs")?.items.first?.at("template", "spec", "template", "spec")
        case _: return nil
        }
    }

    /// Whatever refers to a pod, an account or a claim by name finds it.
    @Test(arguments: environments)
    func referencesLeadSomewhere(_ environment: String) throws {
        let (rendered, _) = try Self.rendered(environment)
        func has(_ kind: ObjectKind, _ name: String?) -> Bool {
            rendered.objects.contains { $0.kind == kind && $0.name == name }
        }
        var references = 0
        for object in rendered.objects {
            guard let pod = Self.podSpec(of: object) else { continue }
            if let account = pod["serviceAccountName"]?.text {
                #expect(has(.serviceAccount, account), "\(object.title)")
            }
            for volume in pod["volumes"]?.items ?? [] {
                if let claim = volume.at("persistentVolumeClaim", "claimName")?.text {
                    #expect(has(.claim, claim), "\(object.title): \(claim)")
                    references += 1
                }
            }
            for container in pod["containers"]?.items ?? [] {
                let mounts = container["volumeMounts"]?.items.compactMap { $0["name"]?.text } ?? []
                let volumes = pod["volumes"]?.items.compactMap { $0["name"]?.text } ?? []
                #expect(mounts.sorted() == volumes.sorted(), "\(object.title)")
                for source in container["envFrom"]?.items ?? [] {
                    #expect(has(.configMap, source.at("configMapRef", "name")?.text), "\(object.title)")
                    references += 1
                }
            }
        }
        #expect(references > 20)
        for object in rendered.objects where object.kind == .autoscaler {
            #expect(has(.deployment, object.value.at("spec", "scaleTargetRef", "name")?.text))
            let deployment = rendered.objects.first { $0.kind == .deployment && $0.name == object.name }
            #expect(deployment?.value.at("spec", "replicas") == nil, "an autoscaler and a count pull at each other")
        }
        for object in rendered.objects where object.kind == .service {
            let selector = object.value.at("spec", "selector")?.fields ?? []
            let selected = rendered.objects.filter { candidate in
                guard candidate.kind == .deployment else { return false }
                let labels = candidate.value.at("spec", "template", "metadata", "labels")
                return selector.allSatisfy { labels?[$0.key] == $0.value }
            }
            #expect(selected.map(\.name) == [object.name])
        }
    }

    /// A migration needs its database as the service does, and no request may reach it.
    @Test func policiesKnowTheJobsOfAService() throws {
        let (rendered, _) = try Self.rendered("production")
        let job = try #require(rendered.objects.first { $0.kind == .job && $0.name.hasPrefix("catalog-migrate") })
        let labels = try #require(job.value.at("spec", "template", "metadata", "labels"))
        let policies = rendered.objects.filter { $0.kind == .networkPolicy }
        func selects(_ selector: ObjectValue?) -> Bool {
            (selector?["matchLabels"]?.fields ?? []).allSatisfy { labels[$0.key] == $0.value }
        }
        #expect(
            policies.filter { selects($0.value.at("spec", "podSelector")) }.map(\.name) == [
                "catalog", "catalogue-closed",
            ])
        let store = try #require(policies.first { $0.name == "postgres" })
        let callers = store.value.at("spec", "ingress")?.items.flatMap { $0["from"]?.items ?? [] } ?? []
        #expect(callers.contains { selects($0["podSelector"]) })
        for service in rendered.objects where service.kind == .service {
            #expect(!(service.value.at("spec", "selector")?.fields ?? []).allSatisfy { labels[$0.key] == $0.value })
        }
    }

    /// Applied one after the other, nothing refers to what is not there yet.
    @Test func comesInTheOrderOfApplying() throws {
        let (rendered, _) = try Self.rendered("production")
        let kinds = rendered.objects.map(\.kind)
        let order = ObjectKind.allCases.filter { kinds.contains($0) }
        var seen: [ObjectKind] = []
        for kind in kinds where seen.last != kind { seen.append(kind) }
        #expect(seen == order)
        #expect(seen.first == .namespace)
    }
}
