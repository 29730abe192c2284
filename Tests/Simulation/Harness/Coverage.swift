import Rollouts

/// How often each fault struck in each state of a rollout.
package struct Coverage: Sendable {
    /// Where a service stands, for the table.
    package enum Cell: Int, CaseIterable, Sendable {
        case standing
        case down
        case queued
        case bringUp
        case shift
        case roll
        case hold
        case holdUntilPromoted
        case gate
        case holdRequests
        case stopOld
        case settle
        case migrate
        case verifyStable
        case arrived
        case reverting
        case reverted
        case held
        case watched

        init(_ state: ServiceState) {
            guard let rollout = state.rollout else {
                self = state.isDown ? .down : state.watch == nil ? .standing : .watched
                return
            }
            switch rollout.phase {
            case .queued: self = .queued
            case .arrived: self = .arrived
            case .failing, .reverting: self = .reverting
            case .reverted: self = .reverted
            case .held: self = .held
            case .advancing:
                switch rollout.currentStage {
                case .bringUp?: self = .bringUp
                case .shift?: self = .shift
                case .roll?: self = .roll
                case .hold?: self = .hold
                case .holdUntilPromoted?: self = .holdUntilPromoted
                case .gate?: self = .gate
                case .holdRequests?: self = .holdRequests
                case .stopOld?: self = .stopOld
                case .settle?: self = .settle
                case .migrate?: self = .migrate
                case .verifyStable?: self = .verifyStable
                case nil: self = .arrived
                }
            }
        }
    }

    package private(set) var counts: [Int]

    package init() { counts = Array(repeating: 0, count: Fault.allCases.count * Cell.allCases.count) }

    mutating func count(_ fault: Fault, _ state: ServiceState) {
        counts[fault.rawValue * Cell.allCases.count + Cell(state).rawValue] += 1
    }

    package mutating func add(_ other: Coverage) {
        for index in counts.indices { counts[index] += other.counts[index] }
    }

    package func count(_ fault: Fault, _ cell: Cell) -> Int {
        counts[fault.rawValue * Cell.allCases.count + cell.rawValue]
    }

    /// Pairs that can meet and never did.
    package var missing: [(Fault, Cell)] {
        var found: [(Fault, Cell)] = []
        for fault in Fault.allCases {
            for cell in Cell.allCases where count(fault, cell) == 0 && Self.canMeet(fault, cell) {
                found.append((fault, cell))
            }
        }
        return found
    }

    /// Where no gate is asked no answer can go astray, and where nothing is to run nothing dies or starts.
    static func canMeet(_ fault: Fault, _ cell: Cell) -> Bool {
        switch fault {
        case .answerLost, .answerLate, .answerTwice:
            switch cell {
            case .shift, .roll, .hold, .holdUntilPromoted, .gate, .settle, .arrived, .watched: true
            case .standing, .down, .queued, .bringUp, .holdRequests, .stopOld, .migrate, .verifyStable, .reverting,
                .reverted, .held:
                false
            }
        case .instanceDies, .instanceFalters, .startIsSlow: cell != .down
        case .journalFull, .crashBeforeWrite, .crashAfterWrite, .crashBetweenEffects, .tornWrite, .staleEngine,
            .engineKilled, .reboot, .clockForward, .clockBack, .newsLost, .newsLate, .newsRepeated, .turnWithoutNews,
            .effectLost, .effectLate, .effectRepeated, .routerDown, .routerRestart, .routerSlow:
            true
        }
    }

    package var table: String {
        var lines = [Self.cell("", 22) + Cell.allCases.map { Self.cell("\($0)", 18) }.joined()]
        for fault in Fault.allCases {
            let numbers = Cell.allCases.map { Self.cell("\(count(fault, $0))", 18) }
            lines.append(Self.cell(fault.words, 22) + numbers.joined())
        }
        return lines.joined(separator: "\n")
    }

    private static func cell(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(1, width - text.count))
    }
}
