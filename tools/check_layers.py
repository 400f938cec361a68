#!/usr/bin/env python3
"""Fails if an include points upwards.

Rooms of src/ have levels; a file includes only its own room and rooms of lower levels. Public headers include only public
headers and the standard library. Usage: tools/check_layers.py   (from anywhere)
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
LEVEL = {
    "base": 0,
    "interpose": 0,
    "env": 1,
    "queue": 2, "timer": 2, "stack": 2, "wait": 2, "codec": 2,
    "sched": 3,
    "select": 4,
    "sync": 5, "chan": 5, "io": 5,
    "net": 6, "inspect": 6, "future": 6, "exec": 6, "coro": 6, "structure": 6, "process": 6, "signal": 6,
    "tls": 7, "loop": 7, "pool": 7, "sim": 7,
    "isolate": 8, "http": 8,
}
INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')


def main() -> int:
    errors = []
    for path in sorted((ROOT / "src").rglob("*")):
        if path.suffix not in (".h", ".cc"):
            continue
        room = path.relative_to(ROOT / "src").parts[0]
        if room not in LEVEL:
            errors.append(f"{path.relative_to(ROOT)}: room '{room}' has no level in tools/check_layers.py")
            continue
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = INCLUDE.match(line)
            if not match or match[1] != '"':
                continue
            other = match[2].split("/")[0]
            where = f"{path.relative_to(ROOT)}:{number}"
            if other not in LEVEL:
                errors.append(f'{where}: "{match[2]}" does not begin with a room; include <...> what is not ours')
            elif other != room and LEVEL[other] >= LEVEL[room]:
                errors.append(f"{where}: {room} (level {LEVEL[room]}) includes {other} (level {LEVEL[other]})")
    for path in sorted((ROOT / "include").rglob("*.h")):
        for number, line in enumerate(path.read_text().splitlines(), 1):
            match = INCLUDE.match(line)
            if match and match[1] == '"' and path.name != "atomic.h":  # detail/atomic.h: the explorer's seam
                errors.append(f"{path.relative_to(ROOT)}:{number}: a public header includes a private one: {match[2]}")
    for error in errors:
        print(error)
    print(f"check_layers: {'ok' if not errors else str(len(errors)) + ' upward includes'}")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
