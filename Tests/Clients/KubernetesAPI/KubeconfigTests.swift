import FoundationEssentials
import Glibc
import Testing

@testable import KubernetesAPI

@Suite struct KubeconfigTests {
    private static let first = """
        apiVersion: v1
        kind: Config
        current-context: dev
        clusters:
        - name: one
          cluster: { server: "https://one.example.com:6443/", certificate-authority: ca.crt, tls-server-name: api }
        contexts:
        - name: dev
          context: { cluster: one, user: ann, namespace: shop }
        - name: nowhere
          context: { cluster: gone, user: ann }
        - name: nobody
          context: { cluster: one, user: gone }
        users:
        - name: ann
          user: { client-certificate-data: aGVsbG8=, client-key: keys/ann.key, token: t0ken }
        """
    private static let second = """
        current-context: prod
        clusters:
        - name: one
          cluster: { server: "https://another.example.com" }
        - name: two
          cluster: { server: "https://two.example.com", insecure-skip-tls-verify: true, proxy-url: "http://proxy:3128" }
        contexts:
        - name: prod
          context: { cluster: two, user: robot }
        users:
        - name: robot
          user:
            exec:
              apiVersion: client.authentication.k8s.io/v1
              command: ./get-token
              args: [--cluster, two]
              env: [{ name: REGION, value: eu }]
              installHint: install get-token
              provideClusterInfo: true
        """

    private func merged() throws -> Kubeconfig {
        var config = Kubeconfig()
        try config.merge(Self.first, path: "/home/ann/.kube/config")
        try config.merge(Self.second, path: "/etc/kube/more")
        return config
    }

    @Test func theFirstFileThatSaysSomethingCounts() throws {
        let config = try merged()
        #expect(config.currentContext == "dev")
        let dev = try config.access(context: nil)
        #expect(dev.server == "https://one.example.com:6443" && dev.namespace == "shop" && dev.serverName == "api")
        #expect(dev.authorities == .file("/home/ann/.kube/ca.crt"))
        #expect(dev.certificate == .inline(Array("hello".utf8)) && dev.key == .file("/home/ann/.kube/keys/ann.key"))
        #expect(dev.credential == .token("t0ken"))
        let prod = try config.access(context: "prod")
        #expect(prod.server == "https://two.example.com" && prod.isInsecure && prod.proxy == "http://proxy:3128")
        #expect(
            prod.credential
                == .plugin(
                    CredentialPlugin(
                        command: "/etc/kube/./get-token", arguments: ["--cluster", "two"], env: ["REGION": "eu"],
                        apiVersion: "client.authentication.k8s.io/v1", hint: "install get-token", wantsCluster: true)))
    }

    @Test(arguments: [
        ("nope", "there is no context nope"), ("nowhere", "names the cluster gone"), ("nobody", "names the user gone"),
    ])
    func whatIsNotThereIsSaid(_ context: String, _ words: String) throws {
        let config = try merged()
        let trouble = #expect(throws: ClusterTrouble.self) { try config.access(context: context) }
        #expect(
            trouble?.text.contains(words) == true && trouble?.kind == .configuration && trouble?.hint.isEmpty == false)
    }

    @Test func filesAreFoundAsKubectlFindsThem() {
        #expect(Kubeconfig.paths(explicit: "/a", variable: "/b:/c", home: "/h") == ["/a"])
        #expect(Kubeconfig.paths(explicit: nil, variable: "/b::/c", home: "/h") == ["/b", "/c"])
        #expect(Kubeconfig.paths(explicit: nil, variable: "", home: "/h") == ["/h/.kube/config"])
    }

    @Test func aTokenFileGoesBeforeAToken() throws {
        var config = Kubeconfig()
        try config.merge(
            """
            current-context: c
            clusters: [{ name: c, cluster: { server: "https://c" } }]
            contexts: [{ name: c, context: { cluster: c, user: u } }]
            users: [{ name: u, user: { token: old, tokenFile: token } }]
            """, path: "/d/config")
        #expect(try config.access(context: nil).credential == .tokenFile("/d/token"))
    }

    @Test func whatIsNoYAMLIsSaid() {
        var config = Kubeconfig()
        #expect(throws: ClusterTrouble.self) { try config.merge("a: [", path: "/x") }
        #expect(throws: ClusterTrouble.self) { try Kubeconfig.read(["/nowhere/config"], mayMiss: false) }
    }

    @Test func aPodFindsItsOwnCluster() throws {
        let directory = FileManager.default.temporaryDirectory.appending(path: "slipway-account-\(getpid())").path
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        defer { do { try FileManager.default.removeItem(atPath: directory) } catch { Issue.record(error) } }
        let environment = ["KUBERNETES_SERVICE_HOST": "fd00::1", "KUBERNETES_SERVICE_PORT": "443"]
        #expect(ClusterAccess.inCluster(environment: environment, directory: directory) == nil, "there is no token")
        try Data("t\n".utf8).write(to: URL(filePath: "\(directory)/token"))
        try Data("shop".utf8).write(to: URL(filePath: "\(directory)/namespace"))
        let access = try #require(ClusterAccess.inCluster(environment: environment, directory: directory))
        #expect(access.server == "https://[fd00::1]:443" && access.namespace == "shop")
        #expect(access.credential == .tokenFile("\(directory)/token"))
        #expect(ClusterAccess.inCluster(environment: [:], directory: directory) == nil)
    }
}
