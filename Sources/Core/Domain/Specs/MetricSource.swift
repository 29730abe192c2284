/// Where numbers come from, with all that is needed to ask: a source of the manifest's, written out for one gate.
package struct MetricSource: Hashable, Sendable, Codable {
    /// As the manifest calls it.
    package var name: String
    package var way: MetricWay

    package init(name: String, way: MetricWay) {
        self.name = name
        self.way = way
    }

    /// There without a line in the manifest: what the router counts of a release.
    package static let proxy = MetricSource(name: "proxy", way: .proxy)
}

/// What a source is.
package enum MetricWay: Hashable, Sendable, Codable {
    /// A Prometheus server, or one that speaks as it does: Thanos, Mimir, VictoriaMetrics. A question is PromQL.
    case prometheus(PrometheusSpec)
    /// A JSON document behind a URL. A question is a JSON path into it.
    case web(WebSourceSpec)
    /// A program that prints a number, or JSON; then a question is a JSON path into it.
    case command(CommandSpec)
    /// A file of past data: names in the first line, numbers below. A question is the name of a column.
    case csv(path: String)
    /// The router's own counts. A question is a `TrafficMetric`.
    case proxy

    /// The word that the manifest uses.
    package var word: String {
        switch self {
        case .prometheus: "prometheus"
        case .web: "web"
        case .command: "command"
        case .csv: "csv"
        case .proxy: "proxy"
        }
    }
}

/// A Prometheus server.
package struct PrometheusSpec: Hashable, Sendable, Codable {
    /// Of the server, before `/api/v1`; `http://` or `https://`.
    package var url: String
    package var access: WebAccess
    /// Answers that come with warnings, from a part of the data, are taken; else they are errors.
    package var allowsPartial: Bool

    package init(url: String, access: WebAccess = WebAccess(), allowsPartial: Bool = false) {
        self.url = url
        self.access = access
        self.allowsPartial = allowsPartial
    }
}

/// A JSON document behind a URL, asked for with GET.
package struct WebSourceSpec: Hashable, Sendable, Codable {
    /// `http://` or `https://`; variables in it are filled in.
    package var url: String
    package var access: WebAccess

    package init(url: String, access: WebAccess = WebAccess()) {
        self.url = url
        self.access = access
    }
}

/// How a web server is reached, and who asks.
package struct WebAccess: Hashable, Sendable, Codable {
    package var credentials: WebCredentials
    /// PEM files with the client's certificate and its key; absolute. Nil: none is shown.
    package var certificate: ClientCertificate?
    /// A PEM file with the authorities to trust; nil: the system's.
    package var authorities: String?
    /// Sent besides, sorted by name: `X-Scope-OrgID`.
    package var headers: [Variable]
    /// For one answer, its body included.
    package var timeout: Span

    package init(
        credentials: WebCredentials = .none, certificate: ClientCertificate? = nil, authorities: String? = nil,
        headers: [Variable] = [], timeout: Span = .seconds(10)
    ) {
        self.credentials = credentials
        self.certificate = certificate
        self.authorities = authorities
        self.headers = headers
        self.timeout = timeout
    }
}

/// Who asks. Values are read when a question is asked; they are in no record.
package enum WebCredentials: Hashable, Sendable, Codable {
    case none
    /// `Authorization: Bearer …`
    case bearer(SecretSource)
    /// `Authorization: Basic …`
    case basic(user: String, password: SecretSource)
}

/// PEM files of a client.
package struct ClientCertificate: Hashable, Sendable, Codable {
    /// The certificate, with what is between it and the authority.
    package var chain: String
    package var key: String

    package init(chain: String, key: String) {
        self.chain = chain
        self.key = key
    }
}
