import CLinux
import Glibc
import KeeperControl

extension KeeperService {
    func slot(_ name: RoleName) -> RoleSlot {
        switch name {
        case .supervisor: supervisor
        case .proxy: proxy
        }
    }

    func change(_ name: RoleName, _ body: (inout RoleSlot) -> Void) {
        switch name {
        case .supervisor: body(&supervisor)
        case .proxy: body(&proxy)
        }
    }

    // MARK: Start

    /// Starts a role's program as its current one, if it has a program.
    func start(_ name: RoleName) {
        change(name) { $0.restartTimer = nil }
        let arguments = slot(name).arguments
        guard phase == .running, !arguments.isEmpty, slot(name).current == nil else { return }
        do throws(KeeperError) {
            let process = try launch(name, arguments: arguments)
            change(name) { $0.current = process }
            greet(process)
            save()
        } catch {
            say("\(configuration.word(name)): \(error)")
            restartLater(name, lifetime: 0)
        }
    }

    /// Starts a program with a link on its descriptor 3.
    private func launch(_ name: RoleName, arguments: [String]) throws(KeeperError) -> RoleProcess {
        var pair: (Int32, Int32) = (-1, -1)
        let paired = withUnsafeMutableBytes(of: &pair) { slw_socketpair($0.bindMemory(to: Int32.self).baseAddress) }
        guard paired == 0 else {
            throw KeeperError(.system, errorNumber: -paired, "no socket pair: \(KeeperError.words(-paired))")
        }
        defer { close(pair.1) }
        let file = files.use(
            path: directory.logs + "/\(configuration.word(name)).log", limit: configuration.logLimit, echo: echo)
        let pipeName = "\(configuration.word(name))-\(slw_realtime_ms())"
        guard
            let ends = OutputPipes.make(
                loop: loop, files: files, file: file, base: directory.pipes + "/" + pipeName)
        else {
            let number = errno
            files.release(file)
            close(pair.0)
            throw KeeperError(.system, errorNumber: number, "no output pipes: \(KeeperError.words(number))")
        }
        defer {
            close(ends.output)
            close(ends.error)
        }
        let identity: ProcessIdentity
        do {
            identity = try spawner.spawn(
                program: arguments[0], arguments: arguments,
                environment: configuration.environment ?? KeeperRole.ownEnvironment(), directory: directory.path,
                descriptors: [ends.output, ends.error, pair.1])
        } catch {
            ends.pipes.close()
            close(pair.0)
            throw .spawn(error, program: arguments[0], directory: directory.path, cgroup: nil)
        }
        let process = RoleProcess(
            name: name, process: identity, arguments: arguments, pipes: ends.pipes, pipeName: pipeName,
            startedAt: loop.now)
        process.channel = RoleChannel(
            loop: loop, descriptor: pair.0,
            onFrame: { (frame) throws(LinkFault) in try self.handle(frame, from: process) },
            onEnd: { self.linkEnded(process, $0) })
        say("\(configuration.word(name)) started, pid \(identity.pid)")
        return process
    }

    /// Tells a new role what there is.
    private func greet(_ process: RoleProcess) {
        switch process.name {
        case .supervisor:
            for instance in instances.values.sorted(by: { $0.token < $1.token }) where !instance.acknowledged {
                guard let exit = instance.exit, let frame = KeeperEvent.exited(exit).frame() else { continue }
                process.channel?.send(frame)
            }
            if let proxy = proxy.current, proxy.isReady, let frame = KeeperEvent.proxyUp(pid: proxy.process.pid).frame()
            {
                process.channel?.send(frame)
            }
        case .proxy:
            for address in listeners.addresses {
                guard let descriptor = listeners.descriptor(of: address),
                    let frame = KeeperEvent.listenerAdded(address: address, descriptor: descriptor).frame()
                else { continue }
                process.channel?.send(frame, listener: descriptor)
            }
        }
    }

    func roleIsReady(_ process: RoleProcess) {
        guard !process.isReady else { return }
        process.isReady = true
        if let candidate = proxy.candidate, candidate.process === process { install(candidate) }
        if process === proxy.current { tellSupervisor(.proxyUp(pid: process.process.pid)) }
    }

    // MARK: End

    /// A role without a link is of no use: nobody can command it or learn from it.
    private func linkEnded(_ process: RoleProcess, _ reason: RoleChannel.End) {
        switch reason {
        case .hungUp: break
        case .fault(let fault):
            say("\(configuration.word(process.name)) \(process.process.pid) sent what is no message: \(fault)")
        case .overflow: say("\(configuration.word(process.name)) \(process.process.pid) does not read its link")
        }
        if proxy.retiring.contains(where: { $0 === process }) { return }
        terminate(process, within: Patience.role)
    }

    /// TERM now, KILL after `grace` milliseconds. A second call can only bring the end nearer.
    func terminate(_ process: RoleProcess, within grace: Int64) {
        if process.killTimer == nil { Processes.send(SIGTERM, to: process.process) }
        loop.cancel(process.killTimer)
        process.killTimer = loop.after(grace) { Processes.send(SIGKILL, to: process.process) }
    }

    func roleEnded(_ process: RoleProcess, _ status: ProcessEnd) {
        let lifetime = loop.now - process.startedAt
        say("\(configuration.word(process.name)) \(process.process.pid) ended: \(status), after \(lifetime) ms")
        process.channel?.close()
        loop.cancel(process.killTimer)
        process.pipes.close()
        change(process.name) { $0.retiring.removeAll { $0 === process } }
        if let candidate = proxy.candidate, candidate.process === process {
            reject(candidate, "it ended: \(status)")
        } else if slot(process.name).current === process {
            change(process.name) { $0.current = nil }
            if process.name == .proxy { tellSupervisor(.proxyDown(pid: process.process.pid, status: status)) }
            if phase == .running { restartLater(process.name, lifetime: lifetime) }
        }
        save()
        advanceShutdown()
    }

    private func restartLater(_ name: RoleName, lifetime: Int64) {
        var delay: Int64 = 0
        change(name) { slot in
            delay = slot.backoff.died(after: lifetime)
            if lifetime >= Backoff.longLife { slot.previousArguments = nil }
        }
        if slot(name).backoff.deaths >= 3, let previous = slot(name).previousArguments {
            say("\(configuration.word(name)): the new program does not live, going back to \(previous[0])")
            change(name) { slot in
                slot.arguments = previous
                slot.previousArguments = nil
                slot.backoff.reset()
            }
            delay = 0
        }
        let timer = loop.after(delay) { self.start(name) }
        change(name) { $0.restartTimer = timer }
    }

    // MARK: Replacement

    func replace(_ name: RoleName, arguments: [String], answer: @escaping (KeeperReply) -> Void) {
        guard phase == .running else {
            return answer(.failed(KeeperError(.shuttingDown, "the keeper is stopping everything")))
        }
        guard let program = arguments.first, program.hasPrefix("/") else {
            let error = KeeperError(
                .invalidRequest, errorNumber: EINVAL, "a role's program needs an absolute path")
            return answer(.failed(error))
        }
        switch name {
        case .supervisor:
            supervisor.previousArguments = supervisor.arguments
            supervisor.arguments = arguments
            supervisor.backoff.reset()
            answer(.done)
            if let current = supervisor.current {
                terminate(current, within: Patience.role)
            } else {
                loop.cancel(supervisor.restartTimer)
                start(.supervisor)
            }
        case .proxy:
            replaceProxy(arguments: arguments, answer: answer)
        }
    }

    /// Both proxies accept from the same sockets for a moment, so no connection is refused.
    private func replaceProxy(arguments: [String], answer: @escaping (KeeperReply) -> Void) {
        guard proxy.candidate == nil else {
            let error = KeeperError(.invalidRequest, errorNumber: EBUSY, "another proxy is being started already")
            return answer(.failed(error))
        }
        do throws(KeeperError) {
            let process = try launch(.proxy, arguments: arguments)
            let timer = loop.after(Patience.readiness) { [self] in
                guard let candidate = proxy.candidate, candidate.process === process else { return }
                proxy.retiring.append(process)
                terminate(process, within: 0)
                reject(candidate, "it was not ready within \(Patience.readiness / 1000) s")
            }
            proxy.candidate = RoleSlot.Candidate(process: process, timer: timer, answer: answer)
            greet(process)
            save()
        } catch {
            answer(.failed(error))
        }
    }

    private func install(_ candidate: RoleSlot.Candidate) {
        loop.cancel(candidate.timer)
        loop.cancel(proxy.restartTimer)
        proxy.restartTimer = nil
        proxy.candidate = nil
        proxy.arguments = candidate.process.arguments
        if let former = proxy.current {
            proxy.retiring.append(former)
            terminate(former, within: Int64(configuration.proxyDrain))
        }
        proxy.current = candidate.process
        save()
        candidate.answer(.done)
    }

    func reject(_ candidate: RoleSlot.Candidate, _ reason: String) {
        loop.cancel(candidate.timer)
        proxy.candidate = nil
        say("the new proxy \(candidate.process.process.pid) is not used: \(reason)")
        let error = KeeperError(
            .roleNotReady, "the new proxy is not used: \(reason)",
            hint: "the one before goes on; \(directory.logs)/proxy.log says more")
        candidate.answer(.failed(error))
    }
}
