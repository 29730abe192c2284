"""Recorded rollouts: what gates judged by comes out of the journal, is replayed, and tries changed gates."""

import json
import os

from analysis import service


def a_rollout_is_recorded_replayed_and_tries_a_changed_gate(place):
    gate = "{{ analysis: {{ errors: {}, falseAlarms: 0.1%, within: 25s }}, interval: 500ms }}"
    strict, loose = gate.format("+1pp"), gate.format("+40pp")
    service(place, ["0.02"], strict, strategy="sticky: false, ")
    place.run("up")
    load = place.load(40, rate=300)
    service(place, ["0.15"], strict, strategy="sticky: false, ")
    place.run("deploy", code=3, within=60)
    load.kill()

    recorded = place.run("judge", "record", "2")
    head, *readings = [json.loads(line) for line in recorded.splitlines()]
    assert head["recording"] == 1 and head["canary"] == 2 and head["stable"] == 1 and head["gate"] == "better", head
    assert readings[0]["at"] == 0 and readings[-1]["said"] == "fail", readings
    with open(os.path.join(place.project, "rollout.ndjson"), "w", encoding="utf-8") as file:
        file.write(recorded)

    # The same answer at the same look.
    report = json.loads(place.run("judge", "replay", "rollout.ndjson", "--output", "json"))["recordings"][0]
    assert report["ending"]["decision"] == "fail" and report["then"]["look"] == report["ending"]["look"], report
    assert [look["verdict"] for look in report["looks"]] == [look["said"] for look in report["looks"]], report
    text = place.run("judge", "replay", "rollout.ndjson")
    assert "the canary is worse than tolerated" in text and "difference" in text and "unit: requests" in text, text
    assert f"fails at look {report['ending']['look']}" in text and "then it was: fails" in text, text
    loosened = place.run("judge", "replay", "rollout.ndjson", "--errors", "+40pp", "--brief")
    assert "passes at look" in loosened, loosened
    as_threshold = place.run("judge", "replay", "rollout.ndjson", "--as",
                             "{ threshold: { errorRate: \"<= 5%\", minRequests: 50 } }")
    assert "fails at look" in as_threshold and "error rate" in as_threshold, as_threshold

    # The gate is changed, and tried on what was.
    unchanged = place.run("gates", "backtest")
    assert "gate better asks what it asked then" in unchanged, unchanged
    service(place, ["0.15"], loose, strategy="sticky: false, ")
    missed = place.run("gates", "backtest", code=1)
    assert "MISS" in missed and "misses: 1 of 1 bad release, then 0" in missed, missed
    assert "not used: #1 web@1: nothing stood before it" in missed, missed
    known = json.loads(place.run("gates", "backtest", "--good", "2", "--output", "json"))["gates"][0]
    assert known["then"]["alarms"] == 1 and known["now"]["alarms"] == 0 and not known["isWorse"], known
    assert known["rollouts"][0]["now"]["requests"] > 0, known


def what_is_no_recording_is_refused_with_its_line(place):
    place.write("broken.ndjson", '{"recording": 1, "service": "api", "canary": 2, "stable": 1}\n{"at": 0, "split": 1}\n')
    refused = place.run("judge", "replay", "broken.ndjson", "--errors", "+1pp", code=1)
    assert "broken.ndjson:2: `split` means nothing here; the keys are" in refused, refused
    place.write("bare.ndjson", '{"recording": 1, "service": "api", "canary": 2, "stable": 1}\n{"at": 0}\n')
    unasked = place.run("judge", "replay", "bare.ndjson", code=2)
    assert "nothing says what to ask" in unasked and "--errors +0.5pp" in unasked, unasked
    wrong = place.run("judge", "replay", "bare.ndjson", "--errors", "1pp", code=2)
    assert "`errors`" in wrong, wrong
    lines = ["at,metric,side,value"]
    for step in range(60):
        lines += [f"{step},latency,baseline,{10 + step % 7}", f"{step},latency,canary,{30 + step % 7}"]
    place.write("series.csv", "\n".join(lines) + "\n")
    judged = place.run("judge", "replay", "series.csv", "--metric", "latency:increase:critical", "--every", "20s")
    assert "latency is critical and failed" in judged and "shift 20" in judged, judged


TESTS = [
    a_rollout_is_recorded_replayed_and_tries_a_changed_gate,
    what_is_no_recording_is_refused_with_its_line,
]
