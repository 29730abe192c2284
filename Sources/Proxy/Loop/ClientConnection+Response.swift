import NIOCore

/// From a response's first byte to its last on the way to the client.
extension ClientConnection {
    /// Sends on an interim response (1xx, but not 101); false when there were too many.
    func passInterim(_ bytes: UnsafePointer<UInt8>, _ head: ResponseHead, limit: Int) -> Bool {
        exchange?.interimResponses += 1
        guard let exchange, exchange.interimResponses <= limit else { return false }
        if exchange.isVersion11 {
            out.clear()
            ResponseRewriter.write(bytes, head, loop.fields, ResponseAdditions(), bodyRoom: 0, into: &out)
            write(out)
            needsFlush = true
        }
        return true
    }

    /// Sends on a final response's head and what has arrived of its body.
    /// - Returns: How many bytes of `rest` belong to the body.
    func passHead(
        _ bytes: UnsafePointer<UInt8>, _ head: ResponseHead, rest: UnsafeBufferPointer<UInt8>, body: inout BodyReader
    ) -> Result<Int, MessageFault> {
        guard let exchange else { return .success(0) }
        let target = exchange.choice.target
        let dropsCoding = head.framing == .chunked && !exchange.isVersion11
        let endsWithConnection = dropsCoding || head.framing == .untilClose
        let keepsAlive = exchange.keepsAlive && !endsWithConnection && exchange.body.isEnded && !loop.isDraining
        var additions = ResponseAdditions()
        additions.persistence = !keepsAlive ? .close : exchange.isVersion11 ? .implied : .keepAlive
        additions.mark = target.mark
        if let id = exchange.choice.newVisitor, let sticky = exchange.rule.service.sticky {
            additions.cookie = StickyCohort.cookieLine(sticky, id: id)
        }
        additions.dropsCoding = !exchange.isVersion11
        out.clear()
        ResponseRewriter.write(bytes, head, loop.fields, additions, bodyRoom: rest.count, into: &out)
        var taken = 0
        if let start = rest.baseAddress, rest.count > 0 {
            let result =
                dropsCoding
                ? body.takeData(start, rest.count) { out.writeBytes($0) } : body.take(start, rest.count)
            guard case .success(let length) = result else { return result }
            taken = length
            if !dropsCoding { out.writeBytes(UnsafeRawBufferPointer(start: start, count: length)) }
        }
        self.exchange?.status = head.status
        self.exchange?.keepsAlive = keepsAlive
        self.exchange?.endsWithConnection = endsWithConnection
        self.exchange?.isReplayable = false
        write(out)
        needsFlush = true
        return .success(taken)
    }

    /// The head was sent on, the body has not ended.
    func responseGoesOn() {
        guard let exchange else { return }
        deadline = loop.now &+ exchange.rule.service.limits.stall
        if out.storageCapacity > 8 << 10 { out = ByteBuffer() }
    }

    /// Sends on more of a response's body.
    /// - Returns: How many bytes belong to it.
    func passBody(_ buffer: ByteBuffer, _ body: inout BodyReader) -> Result<Int, MessageFault> {
        guard let exchange else { return .success(0) }
        deadline = loop.now &+ exchange.rule.service.limits.stall
        if exchange.endsWithConnection && !body.endsWithConnection { return passData(buffer, &body) }
        let result = buffer.withUnsafeReadableBytes { raw -> Result<Int, MessageFault> in
            guard let start = raw.bindMemory(to: UInt8.self).baseAddress else { return .success(0) }
            return body.take(start, raw.count)
        }
        if case .success(let taken) = result, taken > 0 {
            if taken == buffer.readableBytes {
                write(buffer)
            } else if let part = buffer.getSlice(at: buffer.readerIndex, length: taken) {
                write(part)
            }
            needsFlush = true
        }
        return result
    }

    /// Sends on the data of a chunked body without the chunks, to a client that does not know them.
    private func passData(_ buffer: ByteBuffer, _ body: inout BodyReader) -> Result<Int, MessageFault> {
        var data = ByteBuffer()
        let result = buffer.withUnsafeReadableBytes { raw -> Result<Int, MessageFault> in
            guard let start = raw.bindMemory(to: UInt8.self).baseAddress else { return .success(0) }
            return body.takeData(start, raw.count) { data.writeBytes($0) }
        }
        if data.readableBytes > 0 {
            write(data)
            needsFlush = true
        }
        return result
    }

    /// All that was there to read has been passed on: out with it, and stop reading when the client does not keep up.
    func upstreamReadCompleted(_ upstream: UpstreamConnection) {
        if needsFlush {
            flush()
            if !isWritable, exchange?.upstream === upstream { upstream.pauseReads(true) }
        }
    }

    /// The response has ended.
    /// - Parameter closing: Whether the instance's connection ended it.
    func finishResponse(closing: Bool) {
        guard phase == .exchanging, let exchange else { return }
        let stays = exchange.keepsAlive && exchange.body.isEnded && !closing
        if out.storageCapacity > 8 << 10 { out = ByteBuffer() }
        endExchange(nil)
        if stays {
            becomeIdle()
        } else {
            linger()
        }
    }

    private func becomeIdle() {
        phase = .idle
        deadline = loop.now &+ .milliseconds(loop.limits.idleMilliseconds)
        flush()
        if inbox != nil { pump() } else if loop.isDraining { closeWhenIdle() }
    }

    // MARK: When it goes wrong

    /// The exchange failed: the client is told if it can still be told, else cut off, so that it cannot take a part
    /// for the whole.
    func fail(_ kind: FailureKind) {
        guard phase == .exchanging || phase == .connecting, let exchange else { return }
        let upstream = exchange.upstream
        if exchange.status == 0 {
            answerExchange(exchange, kind, status: kind.status, kind.text)
            upstream?.abandon()
        } else {
            endExchange(kind)
            phase = .closed
            upstream?.abandon()
            if exchange.endsWithConnection { reset() } else { closeAfterFailure() }
        }
    }

    private func closeAfterFailure() {
        flush()
        close()
    }

    /// The rest of the request is not what its head promised.
    func refuseExchange(_ fault: MessageFault) {
        guard let exchange else { return }
        let upstream = exchange.upstream
        if exchange.status == 0 {
            answerExchange(exchange, nil, status: fault.status, fault.text, closing: true)
        } else {
            endExchange(.clientAborted)
            linger()
        }
        upstream?.abandon()
    }

    private func answerExchange(
        _ exchange: Exchange, _ kind: FailureKind?, status: Int, _ text: String, closing: Bool = false
    ) {
        let stays = exchange.keepsAlive && exchange.body.isEnded && !closing && !loop.isDraining
        self.exchange?.status = status
        endExchange(kind)
        writeAnswer(
            status: status, text, fields: exchange.choice.target.mark, isHead: exchange.method == .head,
            closing: !stays, needsKeepAlive: !exchange.isVersion11)
        if stays {
            becomeIdle()
        } else {
            linger()
        }
    }

    func connectExpired() { fail(.connectTimeout) }

    func exchangeExpired() {
        guard let exchange else { return close() }
        let upstreamIsSlow = exchange.upstream?.isWritable == false
        if exchange.status == 0 {
            fail(exchange.body.isEnded || upstreamIsSlow ? .upstreamTimeout : .clientAborted)
        } else {
            fail(exchange.upstream?.isPaused == true ? .clientAborted : .upstreamTimeout)
        }
    }

    /// Counts the request's outcome and forgets it.
    func endExchange(_ failure: FailureKind?) {
        guard let exchange else { return }
        unclaim()
        let target = exchange.choice.target
        target.tally.end(
            status: exchange.status, failure: failure, nanoseconds: loop.now &- exchange.startedAt,
            cohort: exchange.choice.cohort, route: exchange.rule.tallies[target.index], instance: exchange.instance)
        self.exchange = nil
    }
}
