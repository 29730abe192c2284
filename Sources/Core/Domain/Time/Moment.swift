/// A point in time as the machine knows it: the wall clock (which may jump), the time since boot (which may not, but
/// starts anew), and which boot that was. Intervals are measured on the boot clock; only across a reboot is the wall
/// clock asked.
package struct Moment: Hashable, Sendable, Codable {
    /// Milliseconds since 1970 (UTC).
    package var wall: Int64
    /// Milliseconds since boot, counted through suspend (CLOCK_BOOTTIME).
    package var boot: Int64
    /// Stands for the boot: 64 bits of the kernel's boot id.
    package var bootID: UInt64

    package init(wall: Int64, boot: Int64, bootID: UInt64) {
        self.wall = wall
        self.boot = boot
        self.bootID = bootID
    }

    /// Time from `earlier` until this moment; never negative. After a reboot it is the wall clock's word, so a clock
    /// set back counts as no time passed: waiting longer is safe, acting early is not.
    package func since(_ earlier: Moment) -> Span {
        let difference = bootID == earlier.bootID ? boot - earlier.boot : wall - earlier.wall
        return Span(milliseconds: max(0, difference))
    }

    /// This moment moved by a span, on both clocks.
    package func advanced(by span: Span) -> Moment {
        Moment(wall: wall + span.milliseconds, boot: boot + span.milliseconds, bootID: bootID)
    }
}
