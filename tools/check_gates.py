#!/usr/bin/env python3
"""Fails on ordered atomic accesses that no mutation gate weakens and that are not listed with a reason.

The gates (docs/design/0002-explorer.md) write down what they reach while the explorations run: `ctest --test-dir build/explore` leaves
build/explore/gates/ROOM.txt. This compares it with every ordered access in src/ and include/:
  weakened    some gate weakens it, and demands that a model fails
  left alone  some gate reaches it, and says in its test why it is not weakened
  listed      tools/ungated_orders.txt says why no gate weakens it: by file and pairing label
Anything else is an error; so is an entry of the list that nothing needs.
Usage: tools/check_gates.py BUILD_DIRECTORY [-v]; -v prints what is not weakened.
"""
import bisect
import collections
import pathlib
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from check_atomics import ROOT, LABEL, SKIP, statement

LIST = ROOT / "tools" / "ungated_orders.txt"
CALL = re.compile(r"(?:\.|->)(load|store|exchange|compare_exchange_(?:weak|strong)|fetch_(?:add|sub|or|and|xor))\s*\("
                  r"|(?<!void )(?<!using )\b(thread_fence|light_fence|heavy_fence)\s*\(")
KINDS = {"load": ("load",), "store": ("store",), "exchange": ("read-modify-write",),
         "compare_exchange_weak": ("compare_exchange", "compare_exchange failure"),
         "compare_exchange_strong": ("compare_exchange", "compare_exchange failure"),
         "thread_fence": ("thread_fence",), "light_fence": ("asymmetric fence",), "heavy_fence": ("asymmetric fence",)}
VERDICTS = ("weakened", "left alone", "reached")  # the best first

Access = collections.namedtuple("Access", "path first last kinds orders labels code")


def closing(text, at):
    """The position of the parenthesis that closes the one at `at`."""
    depth = 0
    for i in range(at, len(text)):
        depth += (text[i] == "(") - (text[i] == ")")
        if depth == 0:
            return i
    return len(text)


def accesses(path):
    lines = path.read_text().splitlines()
    code = [line.partition("//")[0] for line in lines]
    starts = [0]
    for line in code:
        starts.append(starts[-1] + len(line) + 1)
    text = "\n".join(code)
    for match in CALL.finditer(text):
        end = closing(text, match.end() - 1)
        name = match[1] or match[2]
        if name in ("light_fence", "heavy_fence"):
            orders = {name.partition("_")[0]}
        else:
            orders = set(re.findall(r"memory_order_(\w+)", text[match.end():end])) - {"relaxed"}
        if not orders:
            continue
        first, last = (bisect.bisect_right(starts, p) - 1 for p in (match.start(), end))
        _, comments = statement(lines, first)
        _, below = statement(lines, last)
        labels = {label for c in comments + below for part in c.split(";")
                  if not part.strip().startswith("relaxed:") for label, _ in LABEL.findall(part)}
        yield Access(str(path.relative_to(ROOT)), first + 1, last + 1, KINDS.get(name, ("read-modify-write",)), orders,
                     labels, lines[first].strip())


def read_sites(build):
    """(path, kind, order) -> [(line, verdict)]"""
    sites = collections.defaultdict(list)
    files = sorted((build / "gates").glob("*.txt"))
    if not files:
        sys.exit(f"check_gates: nothing in {build / 'gates'}: run ctest --test-dir {build} first")
    for file in files:
        for line in file.read_text().splitlines():
            where, number, kind, order, verdict = line.split("\t")
            path = (build / where).resolve()  # compilers may have been given relative names
            if path.is_relative_to(ROOT):
                sites[str(path.relative_to(ROOT)), kind, order].append((int(number), verdict))
    return sites


def best_verdict(access, sites):
    found = [verdict for kind in access.kinds for order in access.orders for line, verdict in
             sites.get((access.path, kind, order), ()) if access.first - 1 <= line <= access.last]
    return min(found, key=VERDICTS.index) if found else "in no model"


def read_list():
    """[path, labels, used]"""
    entries = []
    for line in LIST.read_text().splitlines():
        if line and not line.startswith(("#", " ")):
            path, *labels = line.split()
            entries.append([path, set(labels), False])
    return entries


def main() -> int:
    build = pathlib.Path(sys.argv[1]).resolve()
    sites = read_sites(build)
    entries = read_list()
    counts = collections.Counter()
    errors = []
    files = [p for base in ("src", "include") for p in sorted((ROOT / base).rglob("*")) if p.suffix in (".h", ".cc")]
    for path in files:
        name = str(path.relative_to(ROOT))
        if any(s in name for s in SKIP) or "/explore/" in name:
            continue
        for access in accesses(path):
            verdict = best_verdict(access, sites)
            if verdict in ("reached", "in no model"):
                for entry in entries:
                    if entry[0] == access.path and entry[1] & access.labels:
                        entry[2] = True
                        break
                else:
                    errors.append(f"{access.path}:{access.first}: {verdict}, weakened by no gate: {access.code}")
                    counts["unexplained"] += 1
                    continue
                verdict = "listed"
            counts[verdict] += 1
            if "-v" in sys.argv and verdict != "weakened":
                print(f"{verdict:10}  {access.path}:{access.first}: {access.code}")
    for path, labels, used in entries:
        if not used:
            errors.append(f"{LIST.name}: nothing needs the entry {path} {' '.join(sorted(labels))}")
    for error in errors:
        print(error)
    print(f"check_gates: {sum(counts.values())} ordered accesses:",
          ", ".join(f"{n} {what}" for what, n in sorted(counts.items())) + f"; {len(errors)} errors")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
