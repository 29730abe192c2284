import FoundationEssentials
import NIOSSL

/// When certificates end.
package enum CertificateEnd {
    /// - Parameter pem: one certificate or several; the first is the one that counts.
    /// - Returns: in milliseconds since 1970; nil for what is no certificate.
    package static func read(_ pem: [UInt8]) -> Int64? {
        // What it cannot read is no certificate: that is the answer.
        guard let first = try? NIOSSLCertificate.fromPEMBytes(pem).first else { return nil }
        return Int64(first.notValidAfter) * 1000
    }
}

extension KubernetesClient {
    /// When the client certificate of the kubeconfig ends, in milliseconds since 1970; nil: there is none, or a plugin
    /// renews it.
    package var certificateEnd: Int64? {
        switch access.certificate {
        case nil: return nil
        case .inline(let bytes): return CertificateEnd.read(bytes)
        case .file(let path):
            // A file that cannot be read stops every request, with its own words.
            guard let data = try? Data(contentsOf: URL(filePath: path)) else { return nil }
            return CertificateEnd.read([UInt8](data))
        }
    }
}
