import Domain
import Glibc

/// What `doctor` looks at for a project beside what a deploy asks of the machine: what would be packed.
struct ProjectChecks {
    var loaded: LoadedProject

    func all() -> [DoctorCheck] {
        loaded.project.services.compactMap { planned in
            guard let source = planned.spec.artifact else { return nil }
            let path = source.path.hasPrefix("/") ? source.path : loaded.directory + "/" + source.path
            if access(path, R_OK) == 0 { return nil }
            return DoctorCheck(
                "\(planned.spec.service)", .fail, "\(path) cannot be read: \(String(cString: strerror(errno)))",
                hint: "`artifact: { path: … }` names what is packed, relative to the manifest")
        }
    }
}
