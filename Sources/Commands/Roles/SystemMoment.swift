import Domain
import FoundationEssentials
import Glibc

/// The machine's clocks.
enum SystemMoment {
    /// 64 bits of the kernel's boot id; without one (a strange /proc) every start counts as a new boot, which only
    /// makes deadlines follow the wall clock.
    private static let bootID: UInt64 = {
        var id: UInt64 = 0
        guard let text = FileManager.default.contents(atPath: "/proc/sys/kernel/random/boot_id") else { return 1 }
        for digit in text {
            guard let value = Character(UnicodeScalar(digit)).hexDigitValue else { continue }
            id = id &* 31 &+ UInt64(value)
        }
        return id
    }()

    static func now() -> Moment {
        Moment(wall: milliseconds(CLOCK_REALTIME), boot: milliseconds(CLOCK_BOOTTIME), bootID: bootID)
    }

    private static func milliseconds(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1000 + Int64(time.tv_nsec) / 1_000_000
    }
}
