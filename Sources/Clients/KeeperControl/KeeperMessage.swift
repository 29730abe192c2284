/// The two processes that the keeper starts and restarts.
package enum RoleName: UInt8, Sendable {
    case supervisor = 1
    case proxy = 2
}

/// What a role asks of the keeper. The proxy may only say `ready`.
package enum KeeperRequest: Equatable, Sendable {
    case listen(address: String)
    case unlisten(address: String)
    case spawn(SpawnRequest)
    case signal(process: ProcessIdentity, signal: Int32, toGroup: Bool)
    /// The instance's stop signal now, KILL for all that is left after `grace` milliseconds (nil: the instance's own).
    case stop(token: UInt64, grace: UInt32?)
    case acknowledgeExit(token: UInt64)
    case list
    case restartProxy
    case replaceRole(RoleName, arguments: [String])
    case shutdown(grace: UInt32)
    /// Has no reply.
    case ready

    package func frame(id: UInt64) -> LinkFrame {
        var writer = LinkWriter()
        let kind: UInt16
        switch self {
        case .listen(let address):
            kind = 1
            writer.put(address)
        case .unlisten(let address):
            kind = 2
            writer.put(address)
        case .spawn(let request):
            kind = 3
            request.encode(into: &writer)
        case .signal(let process, let signal, let toGroup):
            kind = 4
            process.encode(into: &writer)
            writer.put(signal)
            writer.put(toGroup)
        case .stop(let token, let grace):
            kind = 5
            writer.put(token)
            writer.put(grace) { $0.put($1) }
        case .acknowledgeExit(let token):
            kind = 6
            writer.put(token)
        case .list:
            kind = 7
        case .restartProxy:
            kind = 8
        case .replaceRole(let role, let arguments):
            kind = 9
            writer.put(role.rawValue)
            writer.put(arguments) { $0.put($1) }
        case .shutdown(let grace):
            kind = 10
            writer.put(grace)
        case .ready:
            kind = 11
        }
        return LinkFrame(kind: kind, id: id, body: writer.bytes)
    }

    /// nil: a kind that this version does not know.
    package init?(_ frame: LinkFrame) throws(LinkFault) {
        var reader = LinkReader(frame.body)
        switch frame.kind {
        case 1: self = .listen(address: try reader.text())
        case 2: self = .unlisten(address: try reader.text())
        case 3: self = .spawn(try SpawnRequest(from: &reader))
        case 4:
            self = .signal(
                process: try ProcessIdentity(from: &reader), signal: try reader.integer(), toGroup: try reader.flag())
        case 5:
            self = .stop(
                token: try reader.integer(),
                grace: try reader.optional { reader throws(LinkFault) in try reader.integer() })
        case 6: self = .acknowledgeExit(token: try reader.integer())
        case 7: self = .list
        case 8: self = .restartProxy
        case 9:
            guard let role = RoleName(rawValue: try reader.integer()) else { throw .badValue }
            self = .replaceRole(
                role, arguments: try reader.list { reader throws(LinkFault) in try reader.text() })
        case 10: self = .shutdown(grace: try reader.integer())
        case 11: self = .ready
        case _: return nil
        }
        try reader.finish()
    }
}

/// The keeper's answer to one request.
package enum KeeperReply: Equatable, Sendable {
    case done
    case failed(KeeperError)
    /// The address as bound: port 0 has become a real one.
    case listening(address: String)
    case spawned(ProcessIdentity)
    case inventory(Inventory)
    /// How many processes got the signal.
    case signalled(count: UInt32)

    package func frame(id: UInt64) -> LinkFrame {
        var writer = LinkWriter()
        let kind: UInt16
        switch self {
        case .done:
            kind = 0x8001
        case .failed(let error):
            kind = 0x8002
            writer.put(error.code.wire)
            writer.put(error.errorNumber)
            writer.put(error.message)
            writer.put(error.hint)
        case .listening(let address):
            kind = 0x8003
            writer.put(address)
        case .spawned(let process):
            kind = 0x8004
            process.encode(into: &writer)
        case .inventory(let inventory):
            kind = 0x8005
            inventory.encode(into: &writer)
        case .signalled(let count):
            kind = 0x8006
            writer.put(count)
        }
        return LinkFrame(kind: kind, id: id, body: writer.bytes)
    }

    /// nil: not a reply that this version knows.
    package init?(_ frame: LinkFrame) throws(LinkFault) {
        var reader = LinkReader(frame.body)
        switch frame.kind {
        case 0x8001: self = .done
        case 0x8002:
            self = .failed(
                KeeperError(
                    KeeperError.Code(wire: try reader.integer()), errorNumber: try reader.integer(),
                    try reader.text(), hint: try reader.text()))
        case 0x8003: self = .listening(address: try reader.text())
        case 0x8004: self = .spawned(try ProcessIdentity(from: &reader))
        case 0x8005: self = .inventory(try Inventory(from: &reader))
        case 0x8006: self = .signalled(count: try reader.integer())
        case _: return nil
        }
        try reader.finish()
    }
}

/// What the keeper tells a role by itself.
package enum KeeperEvent: Equatable, Sendable {
    /// To the supervisor. Told again after a restart, until it is acknowledged.
    case exited(ExitReport)
    /// To the supervisor: the proxy said that it is ready.
    case proxyUp(pid: Int32)
    case proxyDown(pid: Int32, status: ProcessEnd)
    /// To the proxy. The receiver owns the descriptor: a listening socket, non-blocking and close-on-exec, shared with
    /// the keeper.
    case listenerAdded(address: String, descriptor: Int32)
    /// To the proxy: close your copy.
    case listenerRemoved(address: String)
    /// To both: everything is being stopped.
    case shuttingDown
    /// The link's end, always the last event; made by `KeeperLink` itself. A role ends itself then.
    case closed(KeeperError)

    /// nil for `closed`, that is never sent.
    package func frame() -> LinkFrame? {
        var writer = LinkWriter()
        let kind: UInt16
        var carriesDescriptor = false
        switch self {
        case .exited(let report):
            kind = 0xC001
            report.encode(into: &writer)
        case .proxyUp(let pid):
            kind = 0xC002
            writer.put(pid)
        case .proxyDown(let pid, let status):
            kind = 0xC003
            writer.put(pid)
            status.encode(into: &writer)
        case .listenerAdded(let address, _):
            kind = 0xC004
            carriesDescriptor = true
            writer.put(address)
        case .listenerRemoved(let address):
            kind = 0xC005
            writer.put(address)
        case .shuttingDown:
            kind = 0xC006
        case .closed:
            return nil
        }
        return LinkFrame(kind: kind, id: 0, body: writer.bytes, carriesDescriptor: carriesDescriptor)
    }

    /// nil: not an event that this version knows. `descriptor` is what came along with the frame, if anything.
    package init?(_ frame: LinkFrame, descriptor: Int32?) throws(LinkFault) {
        var reader = LinkReader(frame.body)
        switch frame.kind {
        case 0xC001: self = .exited(try ExitReport(from: &reader))
        case 0xC002: self = .proxyUp(pid: try reader.integer())
        case 0xC003: self = .proxyDown(pid: try reader.integer(), status: try ProcessEnd(from: &reader))
        case 0xC004:
            guard let descriptor else { throw .missingDescriptor }
            self = .listenerAdded(address: try reader.text(), descriptor: descriptor)
        case 0xC005: self = .listenerRemoved(address: try reader.text())
        case 0xC006: self = .shuttingDown
        case _: return nil
        }
        try reader.finish()
    }
}
