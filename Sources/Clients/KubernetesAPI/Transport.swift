import AsyncHTTPClient
import FoundationEssentials
import NIOCore
import NIOSSL

/// How connections to a cluster are made.
struct Transport {
    private let access: ClusterAccess
    private let limits: ClientLimits

    init(_ access: ClusterAccess, _ limits: ClientLimits) {
        self.access = access
        self.limits = limits
    }

    /// - Parameter identity: what a plugin gave; it goes before the kubeconfig's certificate.
    func configuration(
        _ identity: (certificate: String, key: String)?
    ) throws(ClusterTrouble) -> HTTPClient.Configuration {
        var configuration = HTTPClient.Configuration()
        // Credentials must not travel on to wherever an answer points.
        configuration.redirectConfiguration = .disallow
        configuration.decompression = .disabled
        configuration.timeout.connect = .milliseconds(limits.connect)
        // A watch is told something about once a minute: who has said nothing for longer is gone.
        configuration.timeout.read = .milliseconds(limits.silence)
        configuration.connectionPool.idleTimeout = .seconds(60)
        // Where a server has no HTTP/2 each watch takes a connection for itself, and each environment has several.
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 256
        configuration.connectionPool.retryConnectionEstablishment = false
        if let proxy = access.proxy { configuration.proxy = try self.proxy(proxy) }
        guard access.server.hasPrefix("https://") else { return configuration }
        var tls = TLSConfiguration.makeClientConfiguration()
        if access.isInsecure { tls.certificateVerification = .none }
        if let authorities = access.authorities {
            do {
                tls.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(try bytes(authorities)))
            } catch {
                throw ClusterTrouble(.configuration, "the authorities of \(access.name) cannot be used: \(error)")
            }
        }
        var pair = try ownIdentity()
        if let identity { pair = (Array(identity.certificate.utf8), Array(identity.key.utf8)) }
        if let pair {
            do {
                tls.certificateChain = try NIOSSLCertificate.fromPEMBytes(pair.0).map { .certificate($0) }
                tls.privateKey = .privateKey(try NIOSSLPrivateKey(bytes: pair.1, format: .pem))
            } catch {
                throw ClusterTrouble(
                    .configuration, "the client certificate of \(access.name) cannot be used: \(error)")
            }
        }
        configuration.tlsConfiguration = tls
        if let name = access.serverName, let host = URL(string: access.server)?.host() {
            configuration.dnsOverride = [name: host]
        }
        return configuration
    }

    /// Where requests go to: by the name that the certificate must have, which leads to the same machine.
    static func address(of access: ClusterAccess) -> String {
        guard let name = access.serverName, access.server.hasPrefix("https://"),
            var url = URLComponents(string: access.server)
        else { return access.server }
        url.host = name
        return url.string ?? access.server
    }

    private func ownIdentity() throws(ClusterTrouble) -> ([UInt8], [UInt8])? {
        guard let certificate = access.certificate, let key = access.key else { return nil }
        return (try bytes(certificate), try bytes(key))
    }

    private func bytes(_ text: KubeconfigText) throws(ClusterTrouble) -> [UInt8] {
        switch text {
        case .inline(let bytes): return bytes
        case .file(let path):
            do { return [UInt8](try Data(contentsOf: URL(filePath: path))) } catch {
                throw ClusterTrouble(.configuration, "\(path), which the kubeconfig names, cannot be read: \(error)")
            }
        }
    }

    private func proxy(_ text: String) throws(ClusterTrouble) -> HTTPClient.Configuration.Proxy {
        guard let url = URL(string: text), let host = url.host(), url.scheme == "http" || url.scheme == "socks5" else {
            throw ClusterTrouble(
                .configuration, "the proxy \(text) of \(access.name) cannot be used",
                hint: "http://host:port and socks5://host:port can")
        }
        return url.scheme == "http"
            ? .server(host: host, port: url.port ?? 80) : .socksServer(host: host, port: url.port ?? 1080)
    }
}
