#!/usr/bin/env python3
"""Fails on atomic accesses whose order is not argued.

Rules (src/base/atomic.h, docs/hacking.md):
  - every atomic access and fence names its memory order;
  - relaxed says why: `// relaxed: ...`;
  - anything stronger ends with a pairing label, `// L2` or `// L2 (lock.h)`; the file that owns the label explains it in a
    comment, and the label stands on at least two accesses (both ends).
Usage: tools/check_atomics.py [-v]
"""
import collections
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
ACCESS = re.compile(r"(\.|->)(load|store|exchange|compare_exchange_(?:weak|strong)|fetch_(?:add|sub|or|and|xor))\s*\(")
FENCE = re.compile(r"\b(thread_fence|light_fence|heavy_fence)\s*\(")
LABEL = re.compile(r"\b([A-Z]{1,2}\d{1,2})\b(?:\s*\(([\w/.]+)\))?")
DEFINED = re.compile(r"^\s*//\s+([A-Z]{1,2}\d{1,2})\b")
SKIP = ("base/explore/", "base/atomic.h", "env/linux/fence.cc", "_test.cc", "_bench.cc", "_explore.cc", "detail/atomic.h", "sync/testing.h")


def statement(lines, i):
    """The code of the statement that begins in line i, and all comments on its lines."""
    code, comments, depth, started = "", [], 0, False
    above = lines[i - 1].strip() if i else ""
    if re.match(r"// (relaxed:|[A-Z]{1,2}\d)", above):
        comments.append(above[2:].strip())  # where there is no room behind the access
    for j in range(i, min(i + 8, len(lines))):
        text, _, comment = lines[j].partition("//")
        code += text
        if comment:
            comments.append(comment.strip())
        depth += text.count("(") - text.count(")")
        started = started or "(" in text
        if started and depth <= 0 and text.rstrip().endswith((";", "{", "}")):
            break
    return code, comments


def stem(path):
    return path.with_suffix("").name


def main() -> int:
    errors = []
    uses = collections.defaultdict(list)     # (label, owner stem) -> places
    defined = collections.defaultdict(set)   # stem -> labels explained there
    files = [p for base in ("src", "include") for p in sorted((ROOT / base).rglob("*")) if p.suffix in (".h", ".cc")]
    files = [p for p in files if not any(s in str(p.relative_to(ROOT)) for s in SKIP)]
    for path in files:
        lines = path.read_text().splitlines()
        for line in lines:
            if match := DEFINED.match(line):
                defined[stem(path)].add(match[1])
        for i, line in enumerate(lines):
            if line.lstrip().startswith("//"):
                continue
            code_line = line.partition("//")[0]
            access = ACCESS.search(code_line)
            fence = FENCE.search(code_line)
            if not access and not fence:
                continue
            if fence and re.search(r"\b(void|using)\b", code_line):
                continue  # a declaration
            where = f"{path.relative_to(ROOT)}:{i + 1}"
            code, comments = statement(lines, i)
            text = " ".join(comments)
            if access and "memory_order" not in code:
                if re.search(r"\bload\(\)|readiness\.load|ended\.load|->load\(\)|readiness->load", code):
                    continue  # select::hint, which names its order inside
                if re.search(r"elements_?\.(load|store)|\.(load|store)\(slot|\.store\(cell|ops\.", code):
                    continue  # element_ops of a channel: no atomics
                errors.append(f"{where}: names no memory order: {code_line.strip()}")
                continue
            orders = set(re.findall(r"memory_order_(\w+)", code))
            strong = orders - {"relaxed"} or (fence and fence[1] != "thread_fence")
            if "relaxed" in orders and "relaxed:" not in text and not (strong and "compare_exchange" in code and "relaxed:" in text):
                errors.append(f"{where}: relaxed without a reason (// relaxed: why): {code_line.strip()}")
            if strong:
                parts = [part.strip() for c in comments for part in c.split(";")]
                labels = [(l, o) for part in parts if not part.startswith("relaxed:") for l, o in LABEL.findall(part)]
                if not labels:
                    errors.append(f"{where}: ordered access without a pairing label: {code_line.strip()}")
                for label, owner in labels:
                    owner_stem = pathlib.Path(owner).stem if owner else stem(path)
                    uses[label, owner_stem].append(where)
                    if "both ends" in text:  # a read-modify-write that pairs with itself
                        uses[label, owner_stem].append(where)
    for (label, owner), places in sorted(uses.items()):
        if label not in defined.get(owner, set()):
            errors.append(f"{places[0]}: label {label} is not explained in {owner}.h or {owner}.cc")
        if len(places) < 2:
            errors.append(f"{places[0]}: label {label} stands on one end only")
    if "-v" in sys.argv:
        for (label, owner), places in sorted(uses.items()):
            print(f"{owner} {label}: {', '.join(places)}")
    for error in errors:
        print(error)
    print(f"check_atomics: {sum(len(p) for p in uses.values())} ordered accesses, {len(uses)} labels, {len(errors)} errors")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
