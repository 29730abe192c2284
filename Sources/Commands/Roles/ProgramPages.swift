import CLinux

/// Lets go of the parts of the program file that only the start of a role needed, when it stands.
///
/// Three roles of one large file would otherwise hold tens of megabytes each of what they never look at again. Nothing
/// is lost: the pages stay in the system's cache as long as there is room, and come back when they are needed.
func releaseProgram(after pause: Duration) async {
    do { try await Task.sleep(for: pause) } catch { return }
    _ = slw_release_program()
}
