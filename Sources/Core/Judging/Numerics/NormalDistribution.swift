/// The standard normal distribution.
package enum NormalDistribution {
    /// The probability of a value of at most `value`.
    package static func cumulative(_ value: Double) -> Double {
        0.5 * RealFunctions.erfc(-value / 2.0.squareRoot())
    }

    /// The value that is exceeded with a probability of `1 - probability`; NaN outside 0…1.
    ///
    /// The rational approximation of Acklam (2003, relative error 1.15e-9), then one step of Halley's method, which
    /// brings it to the precision of `erfc`.
    package static func quantile(_ probability: Double) -> Double {
        guard probability >= 0, probability <= 1 else { return .nan }
        if probability == 0 { return -.infinity }
        if probability == 1 { return .infinity }
        // The upper half loses digits in 1 - p: mirrored, both tails are equally exact.
        if probability > 0.5 { return -quantile(1 - probability) }
        let first = estimate(probability)
        let error = cumulative(first) - probability
        let step = error * (2 * Double.pi).squareRoot() * RealFunctions.exp(first * first / 2)
        return first - step / (1 + first * step / 2)
    }

    /// For probabilities of at most one half.
    private static func estimate(_ probability: Double) -> Double {
        if probability < 0.02425 {
            let q = (-2 * RealFunctions.log(probability)).squareRoot()
            let c = [
                -7.784894002430293e-03, -3.223964580411365e-01, -2.400758277161838e+00, -2.549732539343734e+00,
                4.374664141464968e+00, 2.938163982698783e+00,
            ]
            let d = [
                7.784695709041462e-03, 3.224671290700398e-01, 2.445134137142996e+00, 3.754408661907416e+00, 1,
            ]
            return polynomial(c, q) / polynomial(d, q)
        }
        let q = probability - 0.5
        let a = [
            -3.969683028665376e+01, 2.209460984245205e+02, -2.759285104469687e+02, 1.383577518672690e+02,
            -3.066479806614716e+01, 2.506628277459239e+00,
        ]
        let b = [
            -5.447609879822406e+01, 1.615858368580409e+02, -1.556989798598866e+02, 6.680131188771972e+01,
            -1.328068155288572e+01, 1,
        ]
        return polynomial(a, q * q) * q / polynomial(b, q * q)
    }

    /// Horner's scheme, the highest power first.
    private static func polynomial(_ coefficients: [Double], _ value: Double) -> Double {
        coefficients.reduce(0) { $0 * value + $1 }
    }
}
