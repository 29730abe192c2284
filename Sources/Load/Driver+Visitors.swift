import NIOCore

/// Virtual users on their way through flows. With a rate each flow is somebody new's, and connections are shared; users
/// have one connection each, and go on from flow to flow.
///
/// After the end of the plan no request begins: flows that are under way end where they are.
extension Driver {
    // MARK: Users that are wanted

    /// Lets users come until there are as many as the plan wants now. Who is too many leaves at the end of a flow.
    func adjustUsers(now: UInt64) {
        guard let script, !over, let wanted = plan.usersWanted(after: now - start) else { return }
        while active < wanted, mayGoOn(now) {
            active += 1
            begin(script.visitor(), due: now, on: nil, now: now)
        }
    }

    /// Whether a further request of a flow may begin.
    private func mayGoOn(_ now: UInt64) -> Bool {
        if let most = plan.requestLimit, dueInAll >= most { return false }
        return endsAt.map { now < $0 } ?? true
    }

    // MARK: Requests of flows

    /// Sends a visitor's next request: on a connection of its own, or one that is free.
    private func begin(_ visitor: Visitor, due: UInt64, on connection: Connection?, now: UInt64) {
        stepsBegun += 1
        inFlight += 1
        let request = RequestInFlight(due: due, began: now, user: nil, visitor: visitor)
        closeWhenSpent()
        send(request, on: connection, now: now)
    }

    private func send(_ request: RequestInFlight, on connection: Connection?, now: UInt64) {
        if let connection {
            connection.owner = nil
            connection.take(request, now: now)
        } else if hasUsers {
            open(for: request)
        } else if let free = idle.popLast() {
            free.idleSlot = -1
            free.take(request, now: now)
        } else if connections.count < maxConnections {
            open(for: request)
        } else {
            inFlight -= 1
            waiting.append(request)
            schedule.blocked = true
        }
    }

    /// Of requests that wait for a connection, sends those for which there is one now. They were due before anything
    /// that begins only now.
    func sendWaiting(now: UInt64) {
        while let request = waiting.first {
            if request.due + timeout <= now {
                waiting.removeFirst()
                ledger.unanswered(
                    .dropped, "no connection was free until the time-out had passed", group: nil, request, now: now)
                continue
            }
            guard !idle.isEmpty || connections.count < maxConnections else {
                schedule.blocked = true
                return
            }
            waiting.removeFirst()
            ledger.counts.late += 1
            inFlight += 1
            var request = request
            request.began = now
            send(request, on: nil, now: now)
        }
    }

    /// Ends the schedule when as many requests have begun as were asked for.
    func closeWhenSpent() {
        if let most = plan.requestLimit, dueInAll >= most { schedule.close() }
    }

    // MARK: What becomes of them

    /// A request of a flow has been answered.
    /// - Parameters:
    ///   - isWell: the flow may go on.
    ///   - reusable: the connection is open and free.
    func answered(_ visitor: Visitor, on connection: Connection, isWell: Bool, reusable: Bool, now: UInt64) {
        inFlight -= 1
        if !reusable { remove(connection) }
        guard let script, !over else { return }
        let kept = reusable ? connection : nil
        let pause = script.pause(visitor)
        if isWell, script.advance(visitor) {
            goOn(visitor, after: pause, on: kept, now: now)
        } else {
            endFlow(visitor, after: pause, on: kept, now: now)
        }
    }

    /// A request of a flow got no complete answer, and the flow ends; its connection is closed.
    func abandoned(_ visitor: Visitor, _ connection: Connection, backOff: Bool, now: UInt64) {
        inFlight -= 1
        remove(connection)
        guard let script, !over else { return }
        let pause = max(script.pause(visitor), backOff ? UInt64(Self.backOff.nanoseconds) : 0)
        endFlow(visitor, after: pause, on: nil, now: now)
    }

    private func endFlow(_ visitor: Visitor, after pause: UInt64, on connection: Connection?, now: UInt64) {
        guard let script else { return }
        guard hasUsers else {
            free(connection)
            return
        }
        guard active <= plan.usersWanted(after: now - start) ?? 0 else {
            active -= 1
            leave(connection)
            return
        }
        script.begin(visitor)
        goOn(visitor, after: pause, on: connection, now: now)
    }

    /// Begins the visitor's next request when its pause is over.
    private func goOn(_ visitor: Visitor, after pause: UInt64, on connection: Connection?, now: UInt64) {
        let due = now + pause
        guard mayGoOn(due) else {
            if hasUsers { leave(connection) } else { free(connection) }
            return
        }
        guard pause > 0 else {
            begin(visitor, due: now, on: connection, now: now)
            // Others may have waited for the connection that was closed.
            if connection == nil, schedule.blocked { pump() }
            return
        }
        if hasUsers {
            connection?.owner = visitor
            visitor.connection = connection
        } else {
            free(connection)
        }
        thinking += 1
        loop.assumeIsolated().scheduleTask(deadline: .uptimeNanoseconds(due)) { self.resume(visitor, due: due) }
    }

    private func resume(_ visitor: Visitor, due: UInt64) {
        thinking -= 1
        let connection = visitor.connection
        visitor.connection = nil
        guard !over else { return }
        let now = NIODeadline.now().uptimeNanoseconds
        if mayGoOn(now) {
            begin(visitor, due: due, on: connection, now: now)
        } else if hasUsers {
            leave(connection)
        } else {
            finishWhenDone()
        }
    }

    /// Gives a connection back to all.
    private func free(_ connection: Connection?) {
        if let connection {
            connection.idleSlot = idle.count
            idle.append(connection)
        }
        if schedule.blocked { pump() } else { finishWhenDone() }
    }

    /// A user goes. Who goes because the end is near is not replaced, and so still counts.
    private func leave(_ connection: Connection?) {
        if let connection {
            connection.owner = nil
            remove(connection)
            connection.close()
        }
        finishWhenDone()
    }
}
