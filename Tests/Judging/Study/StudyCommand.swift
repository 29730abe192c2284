import ArgumentParser
import Glibc

/// Plays rollouts with seeds, and prints the tables of the reference page on judging.
@main
struct StudyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "slipway-judge-study",
        abstract: "Count false alarms, misses and requests needed, over simulated rollouts.",
        discussion: """
            Examples:
              slipway-judge-study
              slipway-judge-study --rollouts 10000 --jobs 2
              slipway-judge-study --table power --rollouts 1000
              slipway-judge-study --picture docs/guides/pictures
            """)

    enum Name: String, CaseIterable, ExpressibleByArgument {
        case alarms, power, units, latency, passes, split, cost
    }

    @Option(help: "Rollouts of each cell.")
    var rollouts = 200
    @Option(help: "The first seed.")
    var seed: UInt64 = 1
    @Option(help: "How many rollouts run at the same time.")
    var jobs = 1
    @Option(name: .customLong("table"), help: "Only these tables: alarms, power, units, latency, passes, split, cost.")
    var tables: [Name] = []
    @Option(help: "Instead of tables: the pictures of the guide, with the tables beside them, into this directory.")
    var picture: String?

    func validate() throws {
        guard rollouts > 0, jobs > 0 else { throw ValidationError("--rollouts and --jobs must be at least 1") }
    }

    func run() async throws {
        let crew = Crew(rollouts: rollouts, seed: seed, jobs: jobs)
        if let picture {
            for drawn in await PictureStudy(crew).all() {
                try drawn.write(to: picture)
                print(drawn.table)
            }
            return
        }
        let chosen = tables.isEmpty ? Name.allCases : tables
        func show(_ text: String) {
            print(text)
            fflush(nil)
        }
        show("\(rollouts) rollouts a cell, seeds from \(seed)")
        var isSound = true
        var isCheap = true
        for name in chosen {
            switch name {
            case .alarms:
                var study = AlarmStudy(crew)
                await study.run(show)
                isSound = isSound && study.isSound
            case .power: await PowerStudy(crew).errors(show)
            case .units: await PowerStudy(crew).units(show)
            case .latency: await PowerStudy(crew).latencies(show)
            case .passes:
                var study = PassStudy(crew)
                await study.run(show)
                await study.edges(show)
                isSound = isSound && study.isSound
            case .split: await SplitStudy(crew).run(show)
            case .cost:
                var study = CostStudy()
                study.run(show)
                isCheap = study.isCheap
            }
        }
        if !isCheap { show("\nA cost is above its goal.") }
        if !isSound {
            show("\nA rate is above the level asked for.")
        }
        if !isSound || !isCheap { throw ExitCode(1) }
    }
}
