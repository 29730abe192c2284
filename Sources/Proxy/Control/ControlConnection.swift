import FoundationEssentials
import NIOCore
import ProxyControl

/// One connection to the control socket: a JSON object a line, in both directions.
///
/// Sendable without a lock because it never leaves the control loop.
final class ControlConnection: ChannelInboundHandler, @unchecked Sendable {
    typealias InboundIn = ByteBuffer

    private let desk: TableDesk
    private let listeners: @Sendable () -> [String]
    private var pending = ByteBuffer()
    /// How much of `pending` is known to hold no line's end.
    private var scanned = 0

    init(desk: TableDesk, listeners: @escaping @Sendable () -> [String]) {
        self.desk = desk
        self.listeners = listeners
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var buffer = unwrapInboundIn(data)
        pending.writeBuffer(&buffer)
        while let end = lineEnd() {
            guard let line = pending.readBytes(length: end) else { break }
            pending.moveReaderIndex(forwardBy: 1)
            scanned = 0
            handle(line, context)
        }
        pending.discardReadBytes()
        if pending.readableBytes > ControlLimits.maxLineBytes {
            send(
                ControlRefusal(
                    id: 0,
                    error: .init(code: .tooLarge, message: "a line is longer than \(ControlLimits.maxLineBytes) bytes")),
                context)
            context.close(promise: nil)
        }
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        context.close(promise: nil)
    }

    /// Where the first line of `pending` ends, as a distance from its beginning.
    private func lineEnd() -> Int? {
        let view = pending.readableBytesView
        guard let index = view.dropFirst(scanned).firstIndex(of: UInt8(ascii: "\n")) else {
            scanned = view.count
            return nil
        }
        return index - view.startIndex
    }

    private func handle(_ line: [UInt8], _ context: ChannelHandlerContext) {
        let request: ControlRequest
        do {
            request = try JSONDecoder().decode(ControlRequest.self, from: Data(line))
        } catch {
            return send(
                ControlRefusal(
                    id: 0, error: .init(code: .badRequest, message: "the line is not a request", cause: "\(error)")),
                context)
        }
        switch request.method {
        case "apply":
            guard let table = request.table else {
                return send(
                    ControlRefusal(id: request.id, error: .init(code: .badRequest, message: "apply needs a table")),
                    context)
            }
            answer(request, desk.apply(table), context)
        case "snapshot": answer(request, desk.snapshot(listeners: listeners()), context)
        case "hello": answer(request, context.eventLoop.makeSucceededFuture(desk.hello()), context)
        default:
            send(
                ControlRefusal(
                    id: request.id,
                    error: .init(
                        code: .badRequest, message: "unknown method \(request.method)",
                        hint: "use a supervisor and a proxy of the same version")), context)
        }
    }

    private func answer<Content: Codable & Sendable>(
        _ request: ControlRequest, _ content: EventLoopFuture<Content>, _ context: ChannelHandlerContext
    ) {
        let channel = context.channel
        content.whenComplete { result in
            switch result {
            case .success(let content): Self.send(ControlAnswer(id: request.id, ok: content), channel)
            case .failure(let error as ProxyControlError):
                Self.send(ControlRefusal(id: request.id, error: error), channel)
            case .failure(let error):
                let refusal = ProxyControlError(
                    code: .invalidTable, message: "the table could not be put in force", cause: "\(error)")
                Self.send(ControlRefusal(id: request.id, error: refusal), channel)
            }
        }
    }

    private func send(_ answer: some Encodable, _ context: ChannelHandlerContext) {
        Self.send(answer, context.channel)
    }

    private static func send(_ answer: some Encodable, _ channel: any Channel) {
        let line: Data
        do {
            line = try JSONEncoder().encode(answer)
        } catch {
            // Nothing that is sent here can fail to encode but for a broken encoder; without an answer the client
            // would wait for its time-out.
            return channel.close(promise: nil)
        }
        var buffer = channel.allocator.buffer(capacity: line.count + 1)
        buffer.writeBytes(line)
        buffer.writeInteger(UInt8(ascii: "\n"))
        channel.writeAndFlush(buffer, promise: nil)
    }
}
