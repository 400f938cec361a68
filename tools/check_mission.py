#!/usr/bin/env python3
"""Fails if docs/mission.md is incomplete or claims what nothing proves.

Checked: every row stands there once, in order; its state is `works`, `partly: what is missing`, or `not yet`; every proof
of a row that works, and every test that any other row names, exists; the count at the end is right.
Usage: tools/check_mission.py
"""
import collections
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
ROWS = {"A": 28, "B": 42, "C": 21, "D": 83}
ROW = re.compile(r"^\| *([A-Z]+\d+) *\| *(.*?) *\| *(.*?) *\|$")
TEST = re.compile(r"^TEST(?:_F|_P)?\(\s*(\w+)\s*,\s*(\w+)\s*\)", re.MULTILINE)
COUNT = re.compile(r"^(\d+) works, (\d+) partly, (\d+) not yet\b", re.MULTILINE)
STATES = ("works", "partly", "not yet")


def all_proofs() -> set:
    """Names of tests, of experiments that the harness runs, and of examples whose output is compared."""
    found = set()
    sources = [ROOT.glob("tests/**/*.cc"), ROOT.glob("src/**/*_test.cc"), ROOT.glob("src/**/*_explore.cc")]
    for path in (p for group in sources for p in group):
        found.update(f"{suite}.{name}" for suite, name in TEST.findall(path.read_text()))
    found.update(p.parent.name for p in ROOT.glob("versus/experiments/*/claim.json"))
    found.update(f"examples/{p.name.split('.')[0]}" for p in ROOT.glob("examples/*.out"))
    found.update(f"samples/{p.parent.name}" for p in ROOT.glob("examples/samples/*/main.go"))
    return found


def main() -> int:
    errors = []
    text = (ROOT / "docs/mission.md").read_text()
    proofs = all_proofs()
    seen = []
    counted = collections.Counter()
    for number, line in enumerate(text.splitlines(), 1):
        match = ROW.match(line)
        if not match:
            if re.match(r"^\| *[A-Z]\d", line):
                errors.append(f"line {number}: not of the form | row | what was asked | state |")
            continue
        row, _, cell = match.groups()
        seen.append(row)
        state, _, rest = cell.partition(":")
        if state not in STATES:
            errors.append(f"{row}: '{state}' is none of {', '.join(STATES)}")
            continue
        counted[state] += 1
        named = re.findall(r"`([^`]+)`", rest)
        if state == "works" and not named:
            errors.append(f"{row}: works, but names no test, experiment or example")
        exact = named if state == "works" else [n for n in named if re.fullmatch(r"\w+\.\w+", n)]
        errors += [f"{row}: there is no {name}" for name in exact if name not in proofs]
        if state == "partly" and not rest.strip():
            errors.append(f"{row}: partly, but does not say what is missing")
    wanted = [f"{letter}{n}" for letter, last in ROWS.items() for n in range(1, last + 1)]
    errors += [f"{row}: missing" for row in wanted if row not in seen]
    errors += [f"{row}: not a row of the mission" for row in seen if row not in wanted]
    errors += [f"{row}: stands there {n} times" for row, n in collections.Counter(seen).items() if n > 1]
    if not errors and seen != wanted:
        errors.append("the rows are out of order")
    right = tuple(counted[s] for s in STATES)
    told = [tuple(map(int, m)) for m in COUNT.findall(text)]
    if told != [right]:
        errors.append(f"the count must be one line: {right[0]} works, {right[1]} partly, {right[2]} not yet")
    for error in errors:
        print(f"docs/mission.md: {error}")
    print(f"check_mission: {len(seen)} rows, {len(errors)} errors")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
