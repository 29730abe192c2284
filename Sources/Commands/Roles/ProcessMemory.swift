import CLinux

/// Lets go of the parts of the program file that only the start of a role needed, when it stands.
///
/// Three roles of one large file would otherwise hold tens of megabytes each of what they never look at again. Nothing
/// is lost: the pages stay in the system's cache as long as there is room, and come back when they are needed.
func releaseProgram(after pause: Duration) async {
    do { try await Task.sleep(for: pause) } catch { return }
    _ = slw_release_program()
}

/// The C library gives each thread memory of its own, up to eight for each processor, and each keeps the most that a
/// turn ever needed there. Turns wander over all threads and are few: two pools are enough, and a long life stays
/// small.
func shareMemoryAmongThreads() { _ = slw_process_limit_memory_pools(2) }

/// Gives back once a minute what turns have left behind in these pools, until the task is cancelled: a deployment needs
/// for moments far more than what stays of it, and lies between the pieces that stay.
func releaseFreeMemory() async {
    while !Task.isCancelled {
        // Nothing but the end of the task is thrown here.
        do { try await Task.sleep(for: .seconds(60)) } catch { return }
        _ = slw_process_release_memory()
    }
}
