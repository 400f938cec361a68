#!/usr/bin/env python3
"""Fails if an object outside src/env/ references the system.

The rooms above env reach the world through env::world only, so that a simulated world can take its place; this looks at
what they really reference. Usage: tools/check_symbols.py build/<preset>/libthrum.a
"""
import pathlib
import re
import subprocess
import sys

# Symbols of libc and the C++ runtime that any room may use: memory, strings, exceptions, math. Everything else that is
# not ours counts as "the system".
ALLOWED = re.compile(
    r"^(_Z\w*|__cxa_\w+|__gxx_personality_v0|_Unwind_\w+|__dso_handle|_GLOBAL_OFFSET_TABLE_|__stack_chk_fail|__tls_get_addr"
    r"|__libc_single_threaded"  # asked by std::shared_ptr
    r"|__asan_\w+|__ubsan_\w+|__tsan_\w+|__sanitizer_\w+|thrum_\w+"
    r"|mem(cpy|move|set|cmp|chr)|str(len|cmp|chr|rchr|ncmp)|__mem\w+_chk|malloc|free|calloc|realloc|abort|__errno_location"
    r"|DW\.ref\.\w+)$")
# C++ library symbols that are the system in disguise.
FORBIDDEN = re.compile(r"^_ZNS(t|K?St)\d*(6thread|6chrono3_V212(system|steady)_clock3now|5mutex|13random_device)")


def main() -> int:
    if len(sys.argv) != 2:
        print(__doc__)
        return 2
    output = subprocess.run(["nm", "-u", "-A", sys.argv[1]], capture_output=True, text=True, check=True).stdout
    env_objects = {p.name for p in (pathlib.Path(__file__).resolve().parent.parent / "src" / "env").rglob("*.cc")}
    errors = set()
    for line in output.splitlines():
        match = re.match(r"^[^:]*:([^:]+)\.o:\s+[Uw]\s+(\S+)$", line)
        if not match or match[1] in env_objects:
            continue
        symbol = match[2].split("@")[0]
        if FORBIDDEN.match(symbol) or not ALLOWED.match(symbol):
            errors.add(f"{match[1]} references {symbol}")
    for error in sorted(errors):
        print(error)
    print(f"check_symbols: {'ok' if not errors else str(len(errors)) + ' references to the system outside src/env'}")
    return 1 if errors else 0


if __name__ == "__main__":
    sys.exit(main())
