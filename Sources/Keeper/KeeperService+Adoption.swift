import CLinux
import Glibc
import KeeperControl

/// Taking over from a keeper that died on the same state directory.
extension KeeperService {
    func adopt(_ state: KeeperState) {
        nonce = state.nonce
        adoptInstances(state.instances, ofThisBoot: state.bootID == bootID)
        if state.bootID == bootID {
            adoptRoles(state.roles)
            killUnknownMembers()
        }
        directory.removePipes(
            except: Set(instances.values.filter { !$0.isGone }.map(\.pipeName) + formerRoles.map(\.pipeName)))
        for address in state.listeners { reopen(address) }
    }

    private func adoptInstances(_ records: [KeeperState.InstanceRecord], ofThisBoot: Bool) {
        for record in records {
            let file = files.use(path: record.logPath, limit: record.logLimit)
            let base = directory.pipes + "/" + Instance.pipeName(record.token)
            let instance = Instance(
                record: record, mark: Instance.mark(nonce: nonce, token: record.token), adopted: true,
                pipes: OutputPipes.adopt(loop: loop, files: files, file: file, base: base))
            instances[record.token] = instance
            if ofThisBoot {
                adopt(instance)
            } else {
                end(instance)
            }
        }
    }

    private func adopt(_ instance: Instance) {
        if instance.exit == nil, let descriptor = Processes.open(instance.process) {
            instance.pidfd = descriptor
            watchAdopted(instance)
            say("adopted instance \(instance.token), pid \(instance.process.pid)")
            return
        }
        instance.hasSession = false
        if instance.exit == nil {
            say("instance \(instance.token), pid \(instance.process.pid), ended while there was no keeper")
            mainProcessEnded(instance, .unknown)
        } else {
            stop(instance, grace: 0)
        }
    }

    /// Nothing of an instance outlives the kernel that it ran under.
    private func end(_ instance: Instance) {
        if instance.exit == nil {
            instance.exit = ExitReport(
                token: instance.token, process: instance.process, status: .unknown, at: slw_realtime_ms(),
                descendants: 0, droppedLines: 0)
        }
        instance.isGone = true
        instance.pipes.close()
        if instance.acknowledged { instances[instance.token] = nil }
    }

    /// The supervisor before must not act beside the new one, and has nothing to lose. The proxy before may finish
    /// its requests.
    private func adoptRoles(_ records: [KeeperState.RoleRecord]) {
        for record in records {
            guard Processes.identity(of: record.process.pid) == record.process else { continue }
            let path = directory.logs + "/\(configuration.word(record.name)).log"
            let file = files.use(path: path, limit: configuration.logLimit, echo: echo)
            let pipes = OutputPipes.adopt(
                loop: loop, files: files, file: file, base: directory.pipes + "/" + record.pipes)
            let killAt: Int64
            switch record.name {
            case .supervisor:
                Processes.send(SIGKILL, to: record.process)
                killAt = loop.now
            case .proxy:
                // It has seen the end of its link; this is for one that does not look.
                Processes.send(SIGTERM, to: record.process)
                killAt = loop.now + Int64(configuration.proxyDrain)
            }
            say("the former \(configuration.word(record.name)) \(record.process.pid) is still there")
            formerRoles.append(
                FormerRole(
                    name: record.name, process: record.process, pipeName: record.pipes, pipes: pipes, killAt: killAt))
        }
        if !formerRoles.isEmpty { watchFormerRoles() }
    }

    private func watchFormerRoles() {
        loop.after(Patience.retry) { [self] in
            formerRoles.removeAll { former in
                guard isAlive(former.process) else {
                    former.pipes.close()
                    return true
                }
                if former.killAt <= loop.now { Processes.send(SIGKILL, to: former.process) }
                return false
            }
            startSupervisorWhenAlone()
            if formerRoles.isEmpty { save() } else { watchFormerRoles() }
        }
    }

    /// Two supervisors never run at a time.
    func startSupervisorWhenAlone() {
        guard supervisor.current == nil, supervisor.restartTimer == nil,
            !formerRoles.contains(where: { $0.name == .supervisor })
        else { return }
        start(.supervisor)
    }

    private func isAlive(_ process: ProcessIdentity) -> Bool {
        var stat = slw_process_stat()
        return slw_process_stat(process.pid, &stat) == 0 && stat.start_time == process.startTime
            && stat.state != CChar(UInt8(ascii: "Z"))
    }

    /// Instances that a keeper could not write down before it died, on a full disk: nobody knows of them any more. One
    /// that overwrites its environment, as nginx does, is not found.
    private func killUnknownMembers() {
        let ours = String(nonce, radix: 16) + "-"
        let known = Set(instances.values.map(\.mark))
        for entry in ProcessTable.look().entries {
            guard let mark = entry.mark, mark.hasPrefix(ours), !known.contains(mark) else { continue }
            say("killing process \(entry.process.pid) of an instance that was never reported")
            Processes.send(SIGKILL, to: entry.process)
        }
    }

    // MARK: Listeners

    private func reopen(_ address: String) {
        do throws(KeeperError) {
            try open(address)
        } catch {
            guard error.errorNumber == EADDRINUSE else { return say("not reopened: \(error)") }
            if lateListeners.isEmpty { retryLateListeners() }
            lateListeners.append(LateListener(address: address, until: loop.now + Patience.rebind))
        }
    }

    private func retryLateListeners() {
        loop.after(Patience.retry) { [self] in
            let late = lateListeners
            lateListeners = []
            for listener in late {
                do throws(KeeperError) {
                    let address = try open(listener.address)
                    for answer in listener.waiting { answer(.listening(address: address)) }
                } catch {
                    if error.errorNumber == EADDRINUSE && loop.now < listener.until {
                        lateListeners.append(listener)
                        continue
                    }
                    say("not reopened: \(error)")
                    for answer in listener.waiting { answer(.failed(error)) }
                }
            }
            save()
            if !lateListeners.isEmpty { retryLateListeners() }
        }
    }
}
