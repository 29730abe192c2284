import Glibc

/// What pods run, when they are processes of this machine instead of being play-acted.
///
/// Each pod and each Service has an address of its own in 127.0.0.0/8. What a container has of its own, and a process
/// has not, is stood in for: a program listens on the address in `POD_IP`, finds the account's credentials through
/// `KUBECONFIG`, and paths below a volume's mount lead to the volume's directory.
package struct PodPrograms: Sendable {
    /// By image, without its tag and digest: the program with its first arguments, in place of what the first word of
    /// the container's `command` names. Pods of other images are play-acted.
    package var images: [String: [String]]
    /// For volumes, logs and credentials. Its path is short: sockets may lie in it.
    package var directory: String
    /// The second number of all addresses.
    package let network: Int
    private let claim: NetworkClaim

    /// - Throws: `Trouble` when there is no network left.
    package init(_ images: [String: [String]], in directory: String) throws {
        self.images = images
        self.directory = directory
        claim = try NetworkClaim()
        network = claim.network
    }

    /// The words that an image's program begins with.
    func program(of image: String) -> [String]? { images[ImageName(image).text] }

    /// Why a pod cannot be a process.
    package struct Trouble: Error, CustomStringConvertible {
        package var description: String
    }
}

/// An image's name without its tag and digest.
struct ImageName {
    var text: String

    init(_ image: String) {
        let name = image.prefix { $0 != "@" }
        let slash = name.lastIndex(of: "/") ?? name.startIndex
        text = String(name[slash...].lastIndex(of: ":").map { name[..<$0] } ?? name)
    }
}

/// Doubles that run side by side on one machine have a network each: whoever listens at its last address has it.
private final class NetworkClaim: Sendable {
    let network: Int
    private let socket: Int32

    init() throws {
        for network in (100..<250).shuffled() {
            let socket = Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
            var name = sockaddr_in()
            name.sin_family = sa_family_t(AF_INET)
            name.sin_port = in_port_t(65_000).bigEndian
            name.sin_addr.s_addr = in_addr_t(0x7f00_fffe | UInt32(network) << 16).bigEndian
            let isTaken = withUnsafePointer(to: &name) { pointer in
                pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    bind(socket, $0, socklen_t(MemoryLayout<sockaddr_in>.size)) == 0 && listen(socket, 1) == 0
                }
            }
            if isTaken {
                (self.network, self.socket) = (network, socket)
                return
            }
            close(socket)
        }
        throw PodPrograms.Trouble(description: "no network of 127.0.0.0/8 is free")
    }

    deinit { close(socket) }
}
