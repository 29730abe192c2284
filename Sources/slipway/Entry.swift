import Commands
import Dispatch

@main
struct Entry {
    /// Synchronous on purpose: the keeper takes signals by descriptor and must be a process of one thread, and an
    /// asynchronous entry starts others before its first line.
    static func main() {
        if Slipway.answersVersion(CommandLine.arguments) { return }
        if Slipway.isKeeper(CommandLine.arguments) { Slipway.runKeeper() }
        // The process ends by `exit` in `start`; nobody waits for this task but the process itself.
        Task { await Slipway.start() }
        dispatchMain()
    }
}
