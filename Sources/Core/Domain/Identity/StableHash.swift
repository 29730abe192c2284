extension String {
    /// FNV-1a, 64 bits (Fowler, Noll, Vo): the same in every process and version, unlike `hashValue`. No protection
    /// against names that are made to collide.
    package var stableHash: UInt64 {
        utf8.reduce(0xcbf2_9ce4_8422_2325) { ($0 ^ UInt64($1)) &* 0x100_0000_01b3 }
    }
}
