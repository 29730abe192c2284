import ClusterJournal
import KubernetesAPI

/// How one server in a cluster is started.
struct ServerSettings: Sendable {
    /// Where its records and its lease are.
    var namespace: String
    var records: RecordsChoice
    /// Which no other process calls itself.
    var identity: String
    /// Its own pod; nil: it runs outside.
    var pod: String?
    var address: String
    /// Where it answers whoever shows a token, while it leads.
    var port: Int
    /// Where the cluster asks how it is.
    var healthPort: Int
    var times: LeaseTimes
}
