import Domain
import FoundationEssentials
import KubernetesObjects
import Manifests
import Testing

@testable import Commands

/// What objects of a cluster become. `SLIPWAY_REWRITE_GOLDEN=1` writes the golden files anew.
@Suite("Import of a cluster's objects")
struct KubernetesImportTests {
    private static let root = #filePath.split(separator: "/").dropLast(3).reduce("") { $0 + "/" + $1 }

    private func imported(
        _ text: String, environment: String = "production", namespace: String? = nil
    ) throws -> ImportReport {
        var cluster = ClusterImport(environment: environment, namespace: namespace)
        for document in ImportReport.documents(text) {
            cluster.add(try ImportReport.value(document.text, "file", line: document.line, wanted: "objects", times: 8))
        }
        cluster.read()
        return ImportReport(file: "file", manifest: cluster.manifest, ledger: cluster.ledger)
    }

    private func rendered(_ manifest: String, _ environment: String, files: [String: String]) throws
        -> [KubernetesObject]
    {
        let parsed = try #require(Manifest.parse(text: manifest).manifest)
        let result = parsed.project(environment: environment) { name in
            files[name].map { .success($0) } ?? .failure(TemplateError("no such file"))
        }
        let project = try #require(result.project, "\(result.diagnostics.map(\.message))")
        let cluster = ClusterRendering(project, cluster: try #require(project.cluster)).render()
        #expect(cluster.troubles.isEmpty)
        return cluster.objects
    }

    private func lines(_ report: ImportReport) -> [String] {
        report.text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map(String.init)
    }

    @Test func aHelmChartBecomesAManifest() throws {
        let path = "\(Self.root)/Tests/Commands/Fixtures/import/helm-shop.yaml"
        let report = try imported(try String(contentsOfFile: path, encoding: .utf8))
        try expectGolden("import-kubernetes", lines(report))
        #expect(!report.complete && report.errors("production") == [], "what is there is right")
        #expect(!report.text.contains("c2VjcmV0"), "no value of a Secret is in it")
        for kind in ["StatefulSet/db", "DaemonSet/agent", "Widget/w", "CronJob/backup"] {
            #expect(report.fields.contains { $0.field == kind && $0.outcome == "left" })
        }
    }

    /// Rendered, imported and rendered again: what is different is told, and is no more than this.
    @Test(arguments: ["dev", "staging", "production"])
    func theCatalogueComesBack(_ environment: String) throws {
        let folder = "\(Self.root)/Examples/catalogue"
        let manifest = try String(contentsOfFile: "\(folder)/slipway.yaml", encoding: .utf8)
        let mail = try String(contentsOfFile: "\(folder)/mail.conf", encoding: .utf8)
        let first = try rendered(manifest, environment, files: ["mail.conf": mail])
        let report = try imported(try ObjectText.yaml(first), environment: environment)
        #expect(report.errors(environment) == [])
        let second = try rendered(report.manifest, environment, files: [:])

        let before = Dictionary(uniqueKeysWithValues: first.map { ($0.title, $0) })
        let after = Dictionary(uniqueKeysWithValues: second.map { ($0.title, $0) })
        let gone = before.keys.filter { after[$0] == nil }.sorted()
        let migrations = first.filter { $0.kind == .job }.map(\.name).sorted()
        #expect(migrations.map { $0.dropLast(8) } == ["catalog-migrate-", "orders-migrate-"])
        #expect(gone == migrations.map { "job/\($0)" })
        #expect(after.keys.filter { before[$0] == nil } == [])
        let changed = before.keys.filter { after[$0] != nil && after[$0] != before[$0] }.sorted()
        // The file that is a template of the manifest, and what mounts it.
        #expect(changed == ["configmap/notifications", "deployment/notifications"])
        let left = report.fields.filter { $0.outcome == "left" }.map(\.field)
        #expect(
            left == [
                "ConfigMap/notifications.data.files.mail.conf", "Job/\(migrations[0])", "Job/\(migrations[1])",
                "Deployment/notifications.spec.template.spec.volumes[0]",
            ])
    }

    private func minimal(_ pod: String, labels: String = "{ app: api }") -> String {
        """
        apiVersion: apps/v1
        kind: Deployment
        metadata: { name: api, namespace: shop }
        spec:
          selector: { matchLabels: \(labels) }
          template:
            metadata: { labels: \(labels) }
            spec: { containers: [{ name: a, image: i, \(pod) }] }
        """
    }

    /// As `kubectl get -o yaml` prints it: in a list, with what the cluster filled in.
    @Test func whatAClusterFillsInIsNoLoss() throws {
        let text = """
            apiVersion: v1
            kind: List
            items:
            - apiVersion: apps/v1
              kind: Deployment
              metadata:
                annotations: { deployment.kubernetes.io/revision: "3", kubectl.kubernetes.io/last-applied-configuration: "{}" }
                creationTimestamp: "2026-01-01T00:00:00Z"
                generation: 3
                managedFields: [{ manager: kubectl, operation: Update }]
                name: api
                namespace: shop
                resourceVersion: "12"
                uid: 3f
              spec:
                progressDeadlineSeconds: 600
                replicas: 2
                revisionHistoryLimit: 10
                selector: { matchLabels: { app: api } }
                strategy: { type: RollingUpdate, rollingUpdate: { maxSurge: 25%, maxUnavailable: 25% } }
                template:
                  metadata: { creationTimestamp: null, labels: { app: api } }
                  spec:
                    containers:
                    - image: registry.example.com/api:1
                      imagePullPolicy: IfNotPresent
                      name: api
                      command: [./api]
                      resources: {}
                      securityContext: { readOnlyRootFilesystem: true, runAsNonRoot: true }
                      terminationMessagePath: /dev/termination-log
                      terminationMessagePolicy: File
                    dnsPolicy: ClusterFirst
                    restartPolicy: Always
                    schedulerName: default-scheduler
                    securityContext: {}
                    terminationGracePeriodSeconds: 30
              status: { replicas: 2, conditions: [{ type: Available, status: "True" }] }
            - apiVersion: apps/v1
              kind: ReplicaSet
              metadata: { name: api-1, namespace: shop, ownerReferences: [{ kind: Deployment, name: api }] }
              spec: { replicas: 2 }
            """
        let report = try imported(text)
        #expect(report.fields.filter { $0.outcome == "left" } == [])
        #expect(report.complete && report.errors("production") == [])
        #expect(report.manifest.contains("maxSurge: 25%") && report.manifest.contains("replicas: 2"))
    }

    @Test func variablesInCommandsStayWhatTheyMean() throws {
        let report = try imported(
            minimal(
                """
                command: [a, "$(LEVEL)", "$$(HOME)", "$(NODE)", "${x}"], env: [{ name: LEVEL, value: info },
                  { name: NODE, valueFrom: { fieldRef: { fieldPath: spec.nodeName } } }]
                """))
        #expect(report.manifest.contains(#"command: [a, "${env.LEVEL}", "$(HOME)", "$(NODE)", "$${x}"]"#))
        #expect(report.fields.contains { $0.outcome == "left" && $0.field.hasSuffix("containers[0].command") })
    }

    /// New pods must not be found by the Service of the old ones.
    @Test func labelsThatOldServicesLookForAreNotCarriedOver() throws {
        let service =
            "kind: Service\nmetadata: { name: api, namespace: shop }\nspec: { selector: SELECTOR, ports: [{ port: 1 }] }"
        let plain = try imported(
            minimal("command: [a], ports: [{ containerPort: 1 }]", labels: "{ app: api, team: a }") + "\n---\n"
                + service.replacing("SELECTOR", with: "{ app: api }"))
        #expect(!plain.manifest.contains("app: api") && plain.manifest.contains("port: 1\n"))
        #expect(plain.fields.contains { $0.outcome == "changed" && $0.field.hasSuffix("metadata.labels.app") })
        let ours = "{ app.kubernetes.io/name: api }"
        let like = try imported(
            minimal("command: [a], ports: [{ containerPort: 1 }]", labels: ours) + "\n---\n"
                + service.replacing("SELECTOR", with: ours))
        #expect(like.fields.contains { $0.outcome == "changed" && $0.field == "Service/api.spec.selector" })
    }

    /// Two services cannot need each other: one of them may talk to the other all the same.
    @Test func needsGoOneWay() throws {
        func policy(_ name: String, _ from: String) -> String {
            """
            ---
            kind: NetworkPolicy
            metadata: { name: \(name), namespace: shop }
            spec:
              policyTypes: [Ingress, Egress]
              podSelector: { matchLabels: { app: \(name) } }
              ingress: [{ from: [{ podSelector: { matchLabels: { app: \(from) } } }], ports: [{ port: 1 }] }]
            """
        }
        func service(_ name: String) -> String {
            "---\nkind: Service\nmetadata: { name: \(name), namespace: shop }\n"
                + "spec: { selector: { app: \(name) }, ports: [{ port: 1 }] }\n"
        }
        let one = minimal("command: [a], ports: [{ containerPort: 1 }]")
        let other = one.replacing("name: api,", with: "name: web,").replacing("app: api", with: "app: web")
        let text = [
            one, "---", other, service("api") + service("web") + policy("api", "web"), policy("web", "api"),
        ].joined(separator: "\n")
        let report = try imported(text)
        #expect(report.errors("production") == [])
        #expect(report.manifest.contains("needs: [api]") && !report.manifest.contains("needs: [web]"))
        #expect(report.manifest.contains("from: [{ service: api, ports: [1] }]"))
        #expect(!report.manifest.contains("closed: false"), "every pod is covered both ways")
    }

    @Test func otherNamespacesAreTold() throws {
        let other = minimal("command: [a]").replacing("namespace: shop", with: "namespace: test")
            .replacing("name: api,", with: "name: web,")
        let text =
            minimal("command: [a]") + "\n---\n" + minimal("command: [b]").replacing("name: api,", with: "name: b,")
            + "\n---\n" + other
        let shop = try imported(text)
        #expect(shop.manifest.contains("namespace: shop") && !shop.manifest.contains("web:"))
        #expect(shop.fields.contains { $0.field == "Deployment/web" && $0.outcome == "left" })
        let test = try imported(text, namespace: "test")
        #expect(test.manifest.contains("namespace: test") && test.manifest.contains("  web:"))
    }

    @Test(
        arguments: [
            ("128Mi", "128Mi"), ("1Ti", "1024Gi"), ("67108864", "64Mi"), ("1G", "1G"), ("500k", "489Ki"),
            ("1500m", "1Ki"),
            ("1.5Gi", "1536Mi"), ("x", nil), ("", nil), ("0", nil),
        ] as [(String, String?)])
    func sizesAreWrittenOurWay(_ theirs: String, _ ours: String?) {
        #expect(ImportedText.size(theirs) == ours)
    }
}
