"""Reads a trace as a viewer would, with a parser that is not ours, and fails if it says what cannot be.

Usage: check_trace.py FILE...
"""
import collections
import json
import sys


def check(path):
    with open(path, encoding="utf-8") as file:
        trace = json.load(file)
    events = trace["traceEvents"]
    rows = {}        # (pid, tid) -> name
    slices = collections.defaultdict(list)
    arrows = collections.defaultdict(dict)
    calls = collections.defaultdict(dict)
    counters = 0
    for e in events:
        row = (e["pid"], e["tid"])
        if e["ph"] == "M":
            if e["name"] == "thread_name":
                assert row not in rows, f"row {row} has two names"
                rows[row] = e["args"]["name"]
            continue
        assert row in rows, f"row {row} has no name"
        assert e["ts"] >= 0, e
        if e["ph"] == "X":
            assert e["dur"] >= 0, e
            slices[row].append(e)
        elif e["ph"] in "sf":
            assert e["ph"] not in arrows[e["id"]], f"arrow {e['id']} has two ends of a kind"
            arrows[e["id"]][e["ph"]] = e
        elif e["ph"] in "be":
            assert e["ph"] not in calls[e["id"]], f"call {e['id']} has two ends of a kind"
            assert e["name"] and e["args"]["fiber"] > 0, e
            calls[e["id"]][e["ph"]] = e
        elif e["ph"] == "C":
            assert e["args"]["runnable"] >= 0, e
            counters += 1
        else:
            raise AssertionError(f"an event of no known kind: {e}")
    assert len({tid for _, tid in rows}) == len(rows), "two rows have the same tid"
    for row, name in rows.items():
        of_fibers = sorted((s for s in slices[row] if s["cat"] == "fiber"), key=lambda s: s["ts"])
        for a, b in zip(of_fibers, of_fibers[1:]):
            # Numbers with three digits are not exact in binary.
            assert a["ts"] + a["dur"] <= b["ts"] + 0.0005, f"{name}: two slices overlap:\n{a}\n{b}"
        for s in of_fibers:
            assert s["args"]["fiber"] > 0 and s["args"]["then"] and s["name"], s
    for number, ends in arrows.items():
        assert len(ends) == 2, f"arrow {number} has one end"
        begin, end = ends["s"], ends["f"]
        assert begin["ts"] <= end["ts"], f"an arrow points backwards: {ends}"
        for e in (begin, end):
            at = slices[e["pid"], e["tid"]]
            assert any(s["ts"] <= e["ts"] + 0.0005 and e["ts"] <= s["ts"] + s["dur"] + 0.0005 for s in at), \
                f"an arrow ends where no slice is: {e}"
    for number, ends in calls.items():
        assert len(ends) == 2 and ends["b"]["ts"] <= ends["e"]["ts"], f"call {number} does not end after it began: {ends}"
    number = sum(len(s) for s in slices.values())
    print(f"{len(rows)} rows, {number} slices, {len(arrows)} arrows, {counters} counts, "
          f"{trace['otherData']['lost']} lost")


for name in sys.argv[1:]:
    check(name)
