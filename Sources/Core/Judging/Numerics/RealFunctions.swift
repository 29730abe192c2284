import Glibc

/// The elementary functions of the system's mathematical library, and nothing else of it: the one door through which
/// Judging reaches outside. All of them are pure.
enum RealFunctions {
    @inline(__always)
    static func log(_ value: Double) -> Double { Glibc.log(value) }
    /// `log(1 + value)`, exact for small values.
    @inline(__always)
    static func log1p(_ value: Double) -> Double { Glibc.log1p(value) }
    @inline(__always)
    static func exp(_ value: Double) -> Double { Glibc.exp(value) }
    /// `1 - erf(value)`.
    @inline(__always)
    static func erfc(_ value: Double) -> Double { Glibc.erfc(value) }
    /// The logarithm of the gamma function of a positive value. The plain `lgamma` writes a global.
    static func logGamma(_ value: Double) -> Double {
        var sign: Int32 = 1
        return lgamma_r(value, &sign)
    }

    /// `log(Σ weights · exp(logarithms))` without overflow; minus infinity for an empty sum.
    static func logSum(_ logarithms: [Double], weights: [Double]) -> Double {
        logarithms.withUnsafeBufferPointer { logSum($0, weights: weights) }
    }

    /// The same for numbers that are in no array.
    static func logSum(_ logarithms: UnsafeBufferPointer<Double>, weights: [Double]) -> Double {
        guard let highest = logarithms.max(), highest > -.infinity else { return -.infinity }
        var sum = 0.0
        // What is smaller than this part of the largest would not change a digit.
        for index in logarithms.indices where logarithms[index] - highest > -45 {
            sum += weights[index] * exp(logarithms[index] - highest)
        }
        return highest + log(sum)
    }
}
