#!/usr/bin/env python3
"""Compiles the examples in the comments of the public headers, with each compiler given (default: g++).

An example is a paragraph of a comment at the left margin all of whose lines are indented ("//   code"). It becomes a function of
its own, or, if it begins with a definition (a function, a class, a template), stands at namespace scope. All go into one
translation unit, which includes every public header and tools/examples_prelude.h. A public header without an example fails,
but for those listed in WITHOUT; headers under detail/ are no pages.

Usage: tools/check_examples.py [--remember DIRECTORY] [--include DIRECTORY] [compiler...]
With --remember, examples that have compiled before and have not changed are not compiled again (remembered.py).
"""
import pathlib
import re
import sys

import remembered

ROOT = pathlib.Path(__file__).resolve().parent.parent
WITHOUT = {"thrum/thrum.h"}  # includes the others and has nothing of its own
STATEMENT = r"(?:return|throw|else|case|delete|goto|co_\w+)\b"
DEFINITION = re.compile(rf"(?:(?:struct|class|enum|template|namespace)\b.*|(?!{STATEMENT})\w[\w:<>,&* ]* [&*]?\w+\([^()]*\)[\w ]*) ?\{{")


def paragraphs(text: str):
    """The paragraphs of all comments at the left margin, as lists of (line number, text after the slashes)."""
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        said = line[2:] if line.startswith("//") else ""
        if said.strip():
            found.append((number, said))
        elif found:
            yield found
            found = []
    if found:
        yield found


def examples(header: pathlib.Path):
    for lines in paragraphs(header.read_text()):
        if all(said.startswith("   ") for _, said in lines):
            yield lines[0][0], "\n".join(said[3:] for _, said in lines)


def main() -> int:
    arguments = sys.argv[1:]
    directory = None
    if arguments[:1] == ["--remember"]:
        directory = arguments[1]
        arguments = arguments[2:]
    include = ROOT / "include"
    if arguments[:1] == ["--include"]:
        include = pathlib.Path(arguments[1])
        arguments = arguments[2:]
    headers = [h for h in sorted(include.rglob("*.h")) if "detail" not in h.parts]
    names = [str(h.relative_to(include)) for h in headers]
    unit = [f"#include <{name}>" for name in names] + ['#include "examples_prelude.h"']
    failed = 0
    count = 0
    for header, name in zip(headers, names):
        blocks = list(examples(header))
        count += len(blocks)
        if not blocks and name not in WITHOUT:
            failed += 1
            print(f"include/{name}: no example")
        for index, (line, code) in enumerate(blocks):
            place = f'#line {line} "include/{name}"'
            space = f"namespace example_{re.sub(r'[^a-z0-9]', '_', name)}_{index} {{"
            unit += [space, place, code, "}"] if DEFINITION.match(code) else [space, "[[maybe_unused]] void body() {", place, code, "}}"]
    source = "\n".join(unit) + "\n"
    for compiler in arguments or ["g++"]:
        command = [compiler, "-std=c++23", "-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-Wno-unused-variable",
                   "-Wno-unused-but-set-variable", f"-I{include}", f"-I{ROOT}/tools", "-x", "c++", "-"]
        code, messages = remembered.compile_source(command, source, directory)
        if code == 0:
            continue
        broken = sorted(set(re.findall(r"^(include/\S+?):\d+", messages, re.M)))
        failed += max(1, len(broken))
        print(f"{compiler}: these examples do not compile: {' '.join(broken)}\n{messages}")
    print(f"check_examples: {count} examples, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
