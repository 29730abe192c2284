import Glibc
import KubernetesObjects
import NIOCore
import NIOPosix
import Synchronization

/// What kube-proxy does: a connection to a Service goes to one of its ready endpoints. Without any it is refused.
final class Forwarders: Sendable {
    struct Place: Hashable {
        var host: String
        var port: Int
    }

    private final class Line: Sendable {
        let places: Mutex<[Place]>
        /// Nil: nobody listens.
        let listening = Mutex<EventLoopFuture<any Channel>?>(nil)

        init(_ places: [Place]) { self.places = Mutex(places) }
    }

    private let lines = Mutex<[ObjectKey: [Place: Line]]>([:])

    /// - Parameter entrances: the Service's addresses, and where each of them leads. Empty: it is gone.
    func lead(_ service: ObjectKey, _ entrances: [Place: [Place]]) {
        lines.withLock { lines in
            for (entrance, line) in lines[service] ?? [:] where entrances[entrance] == nil {
                line.places.withLock { $0 = [] }
                Self.close(line)
            }
            for (entrance, places) in entrances {
                let line = lines[service]?[entrance] ?? Line(places)
                line.places.withLock { $0 = places }
                lines[service, default: [:]][entrance] = line
                if places.isEmpty { Self.close(line) } else { Self.open(line, entrance) }
            }
        }
    }

    func stop() {
        lines.withLock { lines in
            for line in lines.values.flatMap(\.values) { Self.close(line) }
        }
    }

    private static func open(_ line: Line, _ entrance: Place) {
        line.listening.withLock { listening in
            guard listening == nil else { return }
            let bootstrap = ServerBootstrap(group: MultiThreadedEventLoopGroup.singleton)
                .serverChannelOption(ChannelOptions.socketOption(.so_reuseaddr), value: 1)
                .childChannelOption(ChannelOptions.allowRemoteHalfClosure, value: true)
                .childChannelInitializer { channel in join(channel, line.places.withLock { $0.randomElement() }) }
            let opened = bootstrap.bind(host: entrance.host, port: entrance.port)
            opened.whenFailure { error in
                let text = "the double cannot listen on \(entrance.host):\(entrance.port): \(error)\n"
                _ = write(STDERR_FILENO, text, text.utf8.count)
            }
            listening = opened
        }
    }

    private static func close(_ line: Line) {
        let opened = line.listening.withLock { listening -> EventLoopFuture<any Channel>? in
            defer { listening = nil }
            return listening
        }
        // On its loop, so that whoever opens it next comes after.
        opened?.whenSuccess { $0.close(promise: nil) }
    }

    private struct Refused: Error {}

    private static func join(_ channel: any Channel, _ place: Place?) -> EventLoopFuture<Void> {
        guard let place else { return channel.eventLoop.makeFailedFuture(Refused()) }
        return ClientBootstrap(group: channel.eventLoop)
            .channelOption(ChannelOptions.allowRemoteHalfClosure, value: true)
            .connect(host: place.host, port: place.port)
            .flatMapThrowing { peer in
                let (one, other) = (Joint(), Joint())
                (one.partner, other.partner) = (other, one)
                try channel.pipeline.syncOperations.addHandler(one)
                try peer.pipeline.syncOperations.addHandler(other)
            }
    }
}

/// One end of two connections that are one. Both are on the same event loop.
private final class Joint: ChannelDuplexHandler {
    typealias InboundIn = ByteBuffer
    typealias OutboundIn = ByteBuffer
    typealias OutboundOut = ByteBuffer

    var partner: Joint?
    private var context: ChannelHandlerContext?
    private var isReadPending = false

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        partner = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        partner?.context?.write(wrapOutboundOut(unwrapInboundIn(data)), promise: nil)
    }

    func channelReadComplete(context: ChannelHandlerContext) {
        partner?.context?.flush()
        context.fireChannelReadComplete()
    }

    func channelInactive(context: ChannelHandlerContext) {
        partner?.context?.close(promise: nil)
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .inputClosed? = event as? ChannelEvent { partner?.context?.close(mode: .output, promise: nil) }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        partner?.context?.close(promise: nil)
        context.close(promise: nil)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        if context.channel.isWritable { partner?.goOn() }
        context.fireChannelWritabilityChanged()
    }

    func read(context: ChannelHandlerContext) {
        if partner?.context?.channel.isWritable ?? true { context.read() } else { isReadPending = true }
    }

    private func goOn() {
        guard isReadPending else { return }
        isReadPending = false
        context?.read()
    }
}

extension Cluster {
    /// Leads the connections to a Service to its endpoints, as they stand.
    func lead(_ key: ObjectKey) {
        guard let forwarders else { return }
        guard let service = object(key), let address = service.at("spec", "clusterIP")?.text, address != "None" else {
            forwarders.lead(key, [:])
            return
        }
        let slices = all(.slices, key.namespace).filter {
            $0.at("metadata", "labels", "kubernetes.io/service-name")?.text == key.name
        }
        var entrances: [Forwarders.Place: [Forwarders.Place]] = [:]
        for port in service.at("spec", "ports")?.items ?? [] {
            var places: [Forwarders.Place] = []
            for slice in slices {
                let target = slice["ports"]?.items.first { ($0["name"]?.text ?? "") == (port["name"]?.text ?? "") }
                guard let number = target?["port"]?.number else { continue }
                for endpoint in slice["endpoints"]?.items ?? [] where endpoint.at("conditions", "ready") != false {
                    for host in (endpoint["addresses"]?.items ?? []).compactMap(\.text) {
                        places.append(Forwarders.Place(host: host, port: Int(number)))
                    }
                }
            }
            entrances[Forwarders.Place(host: address, port: Int(port["port"]?.number ?? 0))] = places
        }
        forwarders.lead(key, entrances)
    }

    /// A Service that a slice belongs to, or belonged to.
    func leadService(of slice: ObjectValue, _ key: ObjectKey) {
        guard let name = slice.at("metadata", "labels", "kubernetes.io/service-name")?.text else { return }
        lead(ObjectKey(kind: .services, namespace: key.namespace, name: name))
    }
}
