import Domain
import Glibc
import ProxyRouter
import Testing

@Suite(.timeLimit(.minutes(1))) struct PortLookTests {
    @Test func portsAreFreeOursOrInSomebodysHands() async throws {
        let descriptor = socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        defer { close(descriptor) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let isBound = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                bind(descriptor, $0, length) == 0 && listen(descriptor, 1) == 0
                    && getsockname(descriptor, $0, &length) == 0
            }
        }
        try #require(isBound)
        let taken = "127.0.0.1:\(UInt16(bigEndian: address.sin_port))"
        let own = Int(getpid())
        let views = await PortLook.look([taken, "192.0.2.1:8080", "127.0.0.1"], keeper: nil)
        guard case .trouble(let text, _) = views[0].state else {
            Issue.record("\(views)")
            return
        }
        #expect(text.hasPrefix("is in use by ") && text.hasSuffix(", pid \(own)"))
        #expect(
            views[1].state
                == .trouble(
                    "is no address of this machine", hint: "`ip address` shows them; 0.0.0.0 is all of them"))
        #expect(views[2].state == .trouble("is no address", hint: "write `address:port`"))
        #expect(await PortLook.look([taken], keeper: own).first?.state == .ours)
    }
}
