import CLinux
import Glibc
import KeeperControl

/// Starts programs by `slw_spawn`.
struct Spawner {
    struct Failure: Error {
        var number: Int32
        var stage: slw_spawn_stage
    }

    /// The limit on open files that the keeper itself was started with: its own is raised, its children's is not.
    let openFiles: (soft: UInt64, hard: UInt64)?
    /// `/dev/null`, every child's standard input.
    let null: Int32

    /// - Parameters:
    ///   - descriptors: from descriptor 1 on.
    ///   - forked: called before the program runs. What is written down there is known to whoever comes after a keeper
    ///     that dies in this moment, and a process that is not written down never runs anything.
    func spawn(
        program: String, arguments: [String], environment: [String], directory: String?, descriptors: [Int32],
        limits: [ResourceLimit] = [], cgroupProcs: String? = nil, outOfMemoryScore: Int32? = nil,
        forked: ((ProcessIdentity) -> Void)? = nil
    ) throws(Failure) -> ProcessIdentity {
        var wanted: [slw_rlimit] = []
        let filesResource = Int32(RLIMIT_NOFILE.rawValue)
        if let openFiles, !limits.contains(where: { $0.resource == filesResource }) {
            wanted.append(slw_rlimit(resource: filesResource, soft: openFiles.soft, hard: openFiles.hard))
        }
        wanted += limits.map { slw_rlimit(resource: $0.resource, soft: $0.soft, hard: $0.hard) }
        let all = [null] + descriptors
        let strings = CStrings()
        let argv = strings.list(arguments)
        let envp = strings.list(environment)
        let path = strings.copy(program)
        let workingDirectory = directory.map { UnsafePointer(strings.copy($0)) }
        let cgroup = cgroupProcs.map { UnsafePointer(strings.copy($0)) }
        let listener = ForkListener(forked)
        let result = all.withUnsafeBufferPointer { all in
            wanted.withUnsafeBufferPointer { wanted in
                var plan = slw_spawn_plan()
                plan.path = UnsafePointer(path)
                plan.argv = UnsafePointer(argv)
                plan.envp = UnsafePointer(envp)
                plan.directory = workingDirectory
                plan.descriptors = all.baseAddress
                plan.descriptor_count = all.count
                plan.limits = wanted.baseAddress
                plan.limit_count = wanted.count
                plan.cgroup_procs = cgroup
                plan.set_oom_score = outOfMemoryScore == nil ? 0 : 1
                plan.oom_score_adj = outOfMemoryScore ?? 0
                plan.umask = 0o022
                if forked != nil {
                    plan.context = Unmanaged.passUnretained(listener).toOpaque()
                    plan.forked = { pid, context in
                        guard let context else { return }
                        let listener = Unmanaged<ForkListener>.fromOpaque(context).takeUnretainedValue()
                        listener.forked?(Spawner.identity(pid))
                    }
                }
                return slw_spawn(&plan)
            }
        }
        withExtendedLifetime(listener) {}
        strings.free()
        guard result.error == 0 else { throw Failure(number: result.error, stage: result.stage) }
        return Self.identity(result.pid)
    }

    /// Of our child that is not reaped: its entry in /proc is there, even if it has ended.
    private static func identity(_ pid: Int32) -> ProcessIdentity {
        Processes.identity(of: pid) ?? ProcessIdentity(pid: pid, startTime: 0)
    }
}

/// Carries a closure through C.
private final class ForkListener {
    let forked: ((ProcessIdentity) -> Void)?

    init(_ forked: ((ProcessIdentity) -> Void)?) { self.forked = forked }
}

/// C copies of Swift strings for the length of one call.
private final class CStrings {
    private var copies: [UnsafeMutablePointer<CChar>] = []
    private var lists: [UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>] = []

    func copy(_ text: String) -> UnsafeMutablePointer<CChar> {
        let copy: UnsafeMutablePointer<CChar> = strdup(text)
        copies.append(copy)
        return copy
    }

    /// A list that ends with NULL.
    func list(_ texts: [String]) -> UnsafeMutablePointer<UnsafeMutablePointer<CChar>?> {
        let list = UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>.allocate(capacity: texts.count + 1)
        for (index, text) in texts.enumerated() { list[index] = copy(text) }
        list[texts.count] = nil
        lists.append(list)
        return list
    }

    func free() {
        for copy in copies { Glibc.free(copy) }
        for list in lists { list.deallocate() }
        copies = []
        lists = []
    }
}

extension KeeperError {
    /// What went wrong when `program` was to be started, in words for the person who wrote the command.
    static func spawn(_ failure: Spawner.Failure, program: String, directory: String, cgroup: String?) -> KeeperError {
        let words = KeeperError.words(failure.number)
        let (message, hint): (String, String)
        switch failure.stage {
        case SLW_STAGE_EXEC:
            message = "cannot run \(program): \(words)"
            hint = execHint(failure.number)
        case SLW_STAGE_DIRECTORY:
            message = "cannot go to the working directory \(directory): \(words)"
            hint = "it has to be there before the instance starts"
        case SLW_STAGE_CGROUP:
            message = "cannot join the control group by \(cgroup ?? "?"): \(words)"
            hint = "control groups have to be delegated to this user"
        case SLW_STAGE_LIMITS:
            message = "cannot set the resource limits of \(program): \(words)"
            hint = "a limit above the keeper's own hard limit needs privileges"
        case SLW_STAGE_OOM_SCORE:
            message = "cannot set the out-of-memory score of \(program): \(words)"
            hint = "a score below the keeper's own needs privileges"
        case _:
            message = "cannot start a process for \(program): \(words)"
            hint = "the limits on processes, memory and open files are candidates"
        }
        return KeeperError(.spawnFailed, errorNumber: failure.number, message, hint: hint)
    }

    private static func execHint(_ number: Int32) -> String {
        switch number {
        case ENOENT: "there is no such file, or the interpreter in its first line or its loader is missing"
        case EACCES: "the file needs execute permission, and its file system must not be mounted noexec"
        case ENOEXEC: "the file is neither a program for this machine nor a script with #! in its first line"
        case _: ""
        }
    }
}
