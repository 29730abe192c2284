import CLinux
import Glibc
import KeeperControl

extension KeeperService {
    // MARK: Start

    func spawn(_ request: SpawnRequest) throws(KeeperError) -> ProcessIdentity {
        guard phase == .running else {
            throw KeeperError(.shuttingDown, errorNumber: ESHUTDOWN, "the keeper is stopping everything")
        }
        try check(request)
        let file = files.use(path: request.logPath, limit: request.logLimit)
        do {
            return try spawn(request, logging: file)
        } catch {
            files.release(file)
            throw error
        }
    }

    private func check(_ request: SpawnRequest) throws(KeeperError) {
        guard instances[request.token] == nil else {
            throw KeeperError(
                .tokenInUse, errorNumber: EEXIST, "the token \(request.token) belongs to another instance",
                hint: "acknowledge its exit first, or use another token")
        }
        guard request.program.contains("/"), !request.arguments.isEmpty else {
            throw KeeperError(
                .invalidRequest, errorNumber: EINVAL, "\(request.program) is no path of a program",
                hint: "the keeper does not search along PATH")
        }
        guard request.directory.hasPrefix("/"), request.logPath.hasPrefix("/") else {
            throw KeeperError(
                .invalidRequest, errorNumber: EINVAL, "the working directory and the log file need absolute paths")
        }
    }

    private func spawn(_ request: SpawnRequest, logging file: LogFile) throws(KeeperError) -> ProcessIdentity {
        let failure = file.open()
        // A full disk must not keep an instance from starting: its lines are dropped and counted until there is room.
        guard failure == 0 || failure == ENOSPC || failure == EDQUOT else {
            throw KeeperError(
                .spawnFailed, errorNumber: failure,
                "cannot open the log file \(request.logPath): \(KeeperError.words(failure))")
        }
        let base = directory.pipes + "/" + Instance.pipeName(request.token)
        guard let ends = OutputPipes.make(loop: loop, files: files, file: file, base: base) else {
            throw KeeperError(.system, errorNumber: errno, "cannot make output pipes: \(KeeperError.words(errno))")
        }
        defer {
            close(ends.output)
            close(ends.error)
        }
        let mark = Instance.mark(nonce: nonce, token: request.token)
        do {
            return try spawner.spawn(
                program: request.program, arguments: request.arguments,
                environment: request.environment + [ProcessTable.markName + mark], directory: request.directory,
                descriptors: [ends.output, ends.error], limits: request.limits, cgroupProcs: request.cgroupProcs,
                outOfMemoryScore: request.outOfMemoryScore
            ) { process in
                let record = KeeperState.InstanceRecord(
                    token: request.token, process: process, startedAt: slw_realtime_ms(),
                    stopSignal: request.stopSignal, stopGrace: request.stopGrace, logPath: request.logPath,
                    logLimit: request.logLimit, exit: nil, acknowledged: false)
                self.instances[request.token] = Instance(
                    record: record, mark: mark, adopted: false, pipes: ends.pipes)
                self.save()
            }
        } catch {
            instances[request.token] = nil
            ends.pipes.discard()
            save()
            throw .spawn(error, program: request.program, directory: request.directory, cgroup: request.cgroupProcs)
        }
    }

    // MARK: Signals

    func signal(_ process: ProcessIdentity, _ signal: Int32, toGroup: Bool) throws(KeeperError) -> UInt32 {
        let missing = KeeperError(
            .notFound, errorNumber: ESRCH, "no instance has the process \(process.pid) that started at that time")
        guard let instance = instances.values.first(where: { $0.process == process }), !instance.isGone else {
            throw missing
        }
        guard signal > 0 && signal <= 64 else {
            throw KeeperError(.invalidRequest, errorNumber: EINVAL, "there is no signal \(signal)")
        }
        var count: UInt32 = 0
        if toGroup {
            for member in members(of: instance) where Processes.send(signal, to: member) { count += 1 }
        } else if instance.exit == nil && Processes.send(signal, to: process) {
            count = 1
        }
        guard count > 0 else { throw missing }
        return count
    }

    /// Its living processes, the main one too.
    func members(of instance: Instance) -> [ProcessIdentity] {
        ProcessTable.look().members(
            of: instance.process, mark: instance.mark, session: instance.hasSession)
    }

    func stop(token: UInt64, grace: UInt32?) throws(KeeperError) {
        guard let instance = instances[token], !instance.isGone else {
            throw KeeperError(.notFound, errorNumber: ESRCH, "no running instance has the token \(token)")
        }
        stop(instance, grace: grace ?? instance.stopGrace)
    }

    /// Only the main process gets the stop signal, for it knows how to end its children in order; KILL is for all.
    func stop(_ instance: Instance, grace: UInt32) {
        let killAt = loop.now + Int64(grace)
        let isFirst = instance.killAt == nil
        instance.killAt = min(instance.killAt ?? .max, killAt)
        if isFirst && instance.exit == nil { Processes.send(instance.stopSignal, to: instance.process) }
        // While the main process lives its end comes by itself: only the deadline has to be kept.
        scheduleSweep(instance, after: instance.exit == nil ? max(0, instance.killAt! - loop.now) : Patience.sweep)
    }

    // MARK: End

    func mainProcessEnded(_ instance: Instance, _ status: ProcessEnd) {
        instance.pipes.drain()
        let left = members(of: instance).filter { $0 != instance.process }
        let report = ExitReport(
            token: instance.token, process: instance.process, status: status, at: slw_realtime_ms(),
            descendants: UInt32(left.count), droppedLines: instance.pipes.droppedLines)
        instance.exit = report
        if left.isEmpty {
            finish(instance)
        } else {
            for process in left { Processes.send(SIGTERM, to: process) }
            instance.killAt = min(instance.killAt ?? .max, loop.now + Patience.leftovers)
            scheduleSweep(instance, after: Patience.sweep)
        }
        save()
        tellSupervisor(.exited(report))
    }

    private func scheduleSweep(_ instance: Instance, after delay: Int64) {
        loop.cancel(instance.sweepTimer)
        instance.sweepTimer = loop.after(delay) { self.sweep(instance) }
    }

    /// Looks what is left of an instance, and kills it when its time is over. Again and again: a process may fork
    /// between the look and the signal.
    private func sweep(_ instance: Instance) {
        instance.sweepTimer = nil
        guard !instance.isGone else { return }
        let left = members(of: instance)
        if left.isEmpty && instance.exit != nil {
            finish(instance)
            save()
            return
        }
        if let killAt = instance.killAt, killAt <= loop.now {
            for process in left { Processes.send(SIGKILL, to: process) }
        }
        scheduleSweep(instance, after: Patience.sweep)
    }

    private func finish(_ instance: Instance) {
        instance.isGone = true
        loop.cancel(instance.sweepTimer)
        instance.sweepTimer = nil
        instance.pipes.close()
        if instance.acknowledged { instances[instance.token] = nil }
        advanceShutdown()
    }

    /// - Throws: `invalidRequest` for an instance that runs.
    func acknowledgeExit(token: UInt64) throws(KeeperError) {
        guard let instance = instances[token] else { return }
        guard instance.exit != nil else {
            throw KeeperError(.invalidRequest, errorNumber: EBUSY, "the instance \(token) still runs")
        }
        instance.acknowledged = true
        // Its descendants may still be there: until they are gone it is ours, though nobody asks any more.
        if instance.isGone { instances[token] = nil }
        save()
    }

    // MARK: Adopted ones

    /// Watches an instance that is no child of ours. `instance.pidfd` is open.
    func watchAdopted(_ instance: Instance) {
        loop.watch(instance.pidfd, SLW_EPOLL_IN) { _ in
            self.loop.unwatch(instance.pidfd)
            self.adoptedEnded(instance, tries: 50)
        }
    }

    /// A zombie shows its status in /proc. Once its own parent has reaped it, newer kernels tell by the pidfd.
    private func adoptedEnded(_ instance: Instance, tries: Int) {
        var stat = slw_process_stat()
        var status: Int32 = 0
        var result = Int32(0)
        if slw_process_stat(instance.process.pid, &stat) == 0, stat.start_time == instance.process.startTime {
            status = stat.wait_status
            result = stat.state == CChar(UInt8(ascii: "Z")) ? 0 : -EAGAIN
        } else {
            result = slw_pidfd_exit_status(instance.pidfd, &status)
        }
        if result == -EAGAIN && tries > 0 {
            loop.after(Patience.retry) { self.adoptedEnded(instance, tries: tries - 1) }
            return
        }
        close(instance.pidfd)
        instance.pidfd = -1
        mainProcessEnded(instance, result == 0 ? ProcessEnd(waitStatus: status) : .unknown)
    }
}
