import Deployments
import Domain
import Engine
import Judging
import Ports
import Rollouts

/// What a release is really like. Only the world knows; Slipway has to find out.
struct ReleaseNature {
    enum Quality: CaseIterable {
        case good
        /// Its files cannot be prepared.
        case cannotPrepare
        /// Its instances start and never answer their probe.
        case neverReady
        /// Its instances die before they are ready, again and again.
        case diesInStart
        /// Its instances become ready, then give up for good.
        case diesLater
        /// Ready, but its gates say no.
        case failsGates
        /// Its gates say now this, now that.
        case dividesGates
        /// Its gates can hardly be asked.
        case silencesGates
        /// Its gates say yes until it has been promoted, then no.
        case failsOncePromoted
    }

    enum Migration {
        case succeeds
        case fails
        /// Ends only when it is told to.
        case hangs
        /// Succeeds, and stable does not get along with it for a while.
        case hurts
    }

    var quality: Quality
    var migration = Migration.succeeds
    /// Milliseconds.
    var prepareTime: Int64
    var startTime: Int64
    var stopTime: Int64
    /// How long requests in flight on it take at most.
    var longestRequest: Int64

    /// Whether its instances run, whatever its gates say.
    var isSound: Bool {
        switch quality {
        case .good, .failsGates, .dividesGates, .silencesGates, .failsOncePromoted: true
        case .cannotPrepare, .neverReady, .diesInStart, .diesLater: false
        }
    }

    /// Whether it can be promoted when nothing else goes wrong.
    var isGood: Bool {
        switch quality {
        case .good, .failsOncePromoted: true
        case .cannotPrepare, .neverReady, .diesInStart, .diesLater, .failsGates, .dividesGates, .silencesGates: false
        }
    }

    init(_ random: inout Randomness, quality: Quality? = nil) {
        if let quality {
            self.quality = quality
        } else if random.chance(6_500) {
            self.quality = .good
        } else {
            self.quality = Quality.allCases[1 + random.below(Quality.allCases.count - 1)]
        }
        prepareTime = random.delay(20, 2_000)
        startTime = random.delay(50, 4_000)
        stopTime = random.delay(10, 1_000)
        longestRequest = random.delay(100, 20_000)
        if quality == nil, random.chance(3_000) { migration = random.pick([.fails, .hangs, .hurts]) }
    }
}
