/// What can go wrong in a world.
package enum Fault: Int, CaseIterable, Sendable {
    case journalFull
    case crashBeforeWrite
    case crashAfterWrite
    case crashBetweenEffects
    case tornWrite
    case staleEngine
    case engineKilled
    case reboot
    case clockForward
    case clockBack
    case newsLost
    case newsLate
    case newsRepeated
    case turnWithoutNews
    case effectLost
    case effectLate
    case effectRepeated
    case instanceDies
    case instanceFalters
    case startIsSlow
    case routerDown
    case routerRestart
    case routerSlow
    case answerLost
    case answerLate
    case answerTwice

    package var words: String {
        switch self {
        case .journalFull: "journal full"
        case .crashBeforeWrite: "crash before write"
        case .crashAfterWrite: "crash after write"
        case .crashBetweenEffects: "crash between effects"
        case .tornWrite: "torn write"
        case .staleEngine: "stale engine"
        case .engineKilled: "engine killed"
        case .reboot: "reboot"
        case .clockForward: "clock forward"
        case .clockBack: "clock back"
        case .newsLost: "news lost"
        case .newsLate: "news late"
        case .newsRepeated: "news repeated"
        case .turnWithoutNews: "turn without news"
        case .effectLost: "effect lost"
        case .effectLate: "effect late"
        case .effectRepeated: "effect repeated"
        case .instanceDies: "instance dies"
        case .instanceFalters: "instance falters"
        case .startIsSlow: "start is slow"
        case .routerDown: "router down"
        case .routerRestart: "router restart"
        case .routerSlow: "router slow"
        case .answerLost: "answer lost"
        case .answerLate: "answer late"
        case .answerTwice: "answer twice"
        }
    }

    /// Comes by itself at random times; the others strike what happens anyway.
    var isSpontaneous: Bool {
        switch self {
        case .engineKilled, .reboot, .clockForward, .clockBack, .instanceDies, .instanceFalters, .routerDown,
            .routerRestart:
            true
        case .journalFull, .crashBeforeWrite, .crashAfterWrite, .crashBetweenEffects, .tornWrite, .staleEngine,
            .newsLost, .newsLate, .newsRepeated, .turnWithoutNews, .effectLost, .effectLate, .effectRepeated,
            .startIsSlow, .routerSlow, .answerLost, .answerLate, .answerTwice:
            false
        }
    }
}

/// How often what goes wrong in one world. Every seed switches some faults off entirely, so that rare meetings of two
/// faults are not drowned by all the others (swarm testing, Groce et al. 2012).
struct FaultPlan {
    /// In ten thousandths of what the fault strikes; for spontaneous ones, of simulated seconds.
    private(set) var rates: [Int]

    static let none = FaultPlan(rates: Array(repeating: 0, count: Fault.allCases.count))

    private init(rates: [Int]) { self.rates = rates }

    init(_ random: inout Randomness) {
        rates = []
        for fault in Fault.allCases {
            guard random.chance(4_500) else {
                rates.append(0)
                continue
            }
            rates.append(1 + random.below(Self.highest(fault)))
        }
    }

    func rate(_ fault: Fault) -> Int { rates[fault.rawValue] }

    private static func highest(_ fault: Fault) -> Int {
        switch fault {
        case .journalFull, .crashBeforeWrite, .crashAfterWrite, .crashBetweenEffects, .tornWrite: 400
        case .staleEngine: 5_000
        case .engineKilled: 120
        case .reboot: 25
        case .clockForward, .clockBack: 40
        case .newsLost, .newsLate, .newsRepeated, .turnWithoutNews: 2_500
        case .effectLost, .effectLate, .effectRepeated: 2_500
        case .instanceDies, .instanceFalters: 400
        case .startIsSlow: 2_000
        case .routerDown, .routerRestart: 150
        case .routerSlow: 3_000
        case .answerLost, .answerLate, .answerTwice: 2_000
        }
    }
}
