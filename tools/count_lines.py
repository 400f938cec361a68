#!/usr/bin/env python3
"""Counts the lines of the programs that are written in all five languages, and those of the public headers, for docs/lines-of-code.md.

The articles' samples are in examples/samples: thrum's is NAME/thrum.cc, or examples/NAME.cc. All five must be there.
An experiment of versus is counted if thrum, Go, Node, Python and Java all have a program for it and none of them leaves out a variant:
then the five do the same. A line counts if it has more than space and comment; headers that a program shares with others of its
experiment count, the kits do not. Docstrings are comments.

Headers change with every second commit: of their table, figures may be a tenth behind.
Usage: tools/count_lines.py            prints the tables
       tools/count_lines.py --check    fails if the page has others, or if the counting is wrong
       tools/count_lines.py --write    puts the tables into the page
"""
import ast
import io
import json
import pathlib
import re
import sys
import tokenize

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs/lines-of-code.md"
BEGIN, END = "<!-- tools/count_lines.py --write -->\n", "<!-- end -->\n"
BEGIN_SAMPLES = "<!-- tools/count_lines.py --write: the samples -->\n"
BEGIN_API = "<!-- tools/count_lines.py --write: the headers -->\n"
PROGRAMS = {"thrum": "thrum.cc", "go": "main.go", "node": "main.mjs", "python": "main.py", "java": "Main.java"}
SAMPLES = {  # name: where it stands in the articles (docs/seeds), and what it is
    "worker_pool": "B: three workers share five jobs",
    "promise_all": "B: five jobs at once, with Promise.all",
    "worker_sum": "D: a worker sums its data",
    "get_users": "D: N+1 queries, three ways",
    "fan_in": "D: look-ups into one buffered channel",
    "timeout": "D: select, with a timeout",
    "http_gather": "D: users by HTTP, with gather",
    "process_map": "D: Pool(4).map, and a process pool that is awaited",
    "thread_and_pool": "D: a thread, and a pool of ten",
    "chained": "D: CompletableFuture, chained and combined",
    "virtual_threads": "D: a hundred thousand that block",
    "locks": "D: a lock, one that is tried, and an atomic",
}
TITLES = {"thrum": "thrum", "go": "Go", "node": "Node", "python": "Python", "java": "Java"}


def count_c_like(text: str) -> int:
    """Lines of C++, Go, JavaScript or Java. Knows strings, so that a URL in one is no comment."""
    token = re.compile(
        r"""(?P<comment>//[^\n]*|/\*.*?\*/)|(?P<string>"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|`(?:\\.|[^`\\])*`)""", re.DOTALL)

    def blank(match):
        return re.sub(r"[^\n]", " ", match[0]) if match["comment"] else match[0]

    return sum(1 for line in token.sub(blank, text).splitlines() if line.strip())


def count_python(text: str) -> int:
    lines = set()
    skipped = {tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER}
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in skipped:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            lines.difference_update(range(node.lineno, node.end_lineno + 1))
    return len(lines)


def count(path: pathlib.Path) -> int:
    text = path.read_text()
    if path.suffix == ".py":
        return count_python(text)
    own = re.findall(r'^#include "(?:experiments/\w+/)?(\w+\.h)"', text, re.MULTILINE) if path.suffix == ".cc" else []
    return count_c_like(text) + sum(count_c_like((path.parent / name).read_text()) for name in own)


def rows():
    for claim in sorted(ROOT.glob("versus/experiments/*/claim.json")):
        what = json.loads(claim.read_text())
        absent = {runtime for variant in what["variants"] for runtime in variant.get("absent", {})}
        programs = {runtime: claim.parent / name for runtime, name in PROGRAMS.items()}
        if not absent & set(PROGRAMS) and all(p.exists() for p in programs.values()):
            yield what["id"], what["title"], {runtime: count(p) for runtime, p in programs.items()}


def samples():
    """Name as a link, what it is, and the counts; in the order of the articles. A program that is missing is an error."""
    found = {p.name for p in (ROOT / "examples/samples").iterdir() if p.is_dir()}
    if found != set(SAMPLES):
        raise SystemExit(f"examples/samples and SAMPLES of {pathlib.Path(__file__).name} differ: {sorted(found ^ set(SAMPLES))}")
    for name, what in SAMPLES.items():
        folder = ROOT / "examples/samples" / name
        programs = {runtime: folder / file for runtime, file in PROGRAMS.items()}
        if not programs["thrum"].exists():
            programs["thrum"] = ROOT / f"examples/{name}.cc"
        yield f"[{name}](../examples/samples/{name})", what, {runtime: count(p) for runtime, p in programs.items()}


def table(rows) -> str:
    lines = ["| | | " + " | ".join(TITLES.values()) + " |", "| --- | --- |" + " ---: |" * len(TITLES)]
    total = dict.fromkeys(PROGRAMS, 0)
    for name, title, counts in rows:
        lines.append(f"| {name} | {title} | " + " | ".join(str(counts[r]) for r in PROGRAMS) + " |")
        for runtime, n in counts.items():
            total[runtime] += n
    lines.append("| | all | " + " | ".join(f"{total[r]:,}" for r in PROGRAMS) + " |")
    return "\n".join(lines) + "\n"


def groups():
    """The public headers by what a program includes: title, and the headers."""
    include = ROOT / "include/thrum"
    everyday = {include.parent / name for name in re.findall(r"^#include <(thrum/\S+)>", (include / "thrum.h").read_text(), re.MULTILINE)}
    everyday.add(include / "thrum.h")
    found = {"what `thrum.h` includes": [], "others: futures, coroutines, executors, processes, isolates, traces": [],
             "`io/`, `net/`": [], "the components `tls` and `http`": [], "`detail/`, which no program includes": []}
    titles = list(found)
    for header in sorted(include.rglob("*.h")):
        inside = header.relative_to(include).parts
        place = 4 if "detail" in inside else 3 if {"tls", "http", "tls.h", "http.h"} & set(inside) else 2 if inside[0] in ("io", "net") else 0 \
            if header in everyday else 1
        found[titles[place]].append(header.read_text())
    return found.items()


def api_table() -> str:
    lines = ["| headers | how many | lines of code | in a header | lines of manual |", "| --- | ---: | ---: | ---: | ---: |"]
    for title, texts in groups():
        code = sum(count_c_like(t) for t in texts)
        manual = sum(1 for t in texts for line in t.splitlines() if line.lstrip().startswith("//"))
        lines.append(f"| {title} | {len(texts)} | {code:,} | {round(code / len(texts))} | {manual:,} |")
    return "\n".join(lines) + "\n"


def nearly_equal(old: str, fresh: str) -> bool:
    """The same words, and figures that are a tenth apart at most."""
    number = re.compile(r"\d[\d,]*")
    if number.sub("N", old) != number.sub("N", fresh):
        return False
    pairs = zip(number.findall(old), number.findall(fresh))
    values = [(int(a.replace(",", "")), int(b.replace(",", ""))) for a, b in pairs]
    return all(abs(a - b) <= max(2, 0.1 * b) for a, b in values)


def wrong_counts():
    """The counting, against what a person counts."""
    c_like = 'int x; // one\n\n// none\n/* none\n   none */\nconst s = "http://a/*b*/"; /* two */\n  `three\n//four`\n'
    python = '"""None\nnone"""\n# none\nx = 1  # one\n\ndef f():  # two\n    """none"""\n    return """three\nfour"""\n'
    if count_c_like(c_like) != 4:
        yield f"count_c_like counts {count_c_like(c_like)} of 4 lines"
    if count_python(python) != 4:
        yield f"count_python counts {count_python(python)} of 4 lines"
    if nearly_equal("| a | 1,000 |", "| a | 1,200 |") or nearly_equal("| a | 10 |", "| b | 10 |") or not nearly_equal("| a | 1,000 |", "| a | 1,050 |"):
        yield "nearly_equal is wrong"


def main() -> int:
    mode = sys.argv[1] if len(sys.argv) == 2 else "" if len(sys.argv) == 1 else "--help"
    if mode not in ("", "--check", "--write"):
        print(__doc__)
        return 2
    errors = list(wrong_counts())
    tables = [(BEGIN_SAMPLES, table(samples()), str.__eq__), (BEGIN, table(rows()), str.__eq__),
              (BEGIN_API, api_table(), nearly_equal)]
    page = PAGE.read_text()
    for begin, fresh, same in tables:
        if mode == "":
            print(fresh)
            continue
        before, found, rest = page.partition(begin)
        old, ended, after = rest.partition(END)
        if not found or not ended:
            errors.append(f"{PAGE.name} has no place for a table, between {begin.strip()} and {END.strip()}")
        elif mode == "--write":
            page = before + begin + fresh + END + after
        elif not same(old, fresh):
            errors.append(f"{PAGE.name} has another table: tools/count_lines.py --write")
    if mode == "--write":
        PAGE.write_text(page)
    for error in errors:
        print(error)
    print(f"count_lines: {len(list(rows()))} programs in five languages, {len(errors)} errors", file=sys.stderr)
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
