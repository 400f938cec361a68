#!/usr/bin/env python3
"""Compiles every header alone, with each compiler given (default: g++, and clang++ if there is one).

Usage: tools/check_headers.py [--remember DIRECTORY] [compiler...]
With a directory, what has compiled before and has not changed is not compiled again (remembered.py). What a room of NEEDS is
written on top of may not be installed; its headers are then left out, and that is said.
"""
import concurrent.futures
import os
import pathlib
import shutil
import subprocess
import sys

import remembered

ROOT = pathlib.Path(__file__).resolve().parent.parent
NEEDS = {"tls": "openssl/ssl.h"}  # src/http has Boost in one .cc only


def has(compiler: str, header: str) -> bool:
    command = [compiler, "-E", "-x", "c++", "-"]
    return subprocess.run(command, input=f"#include <{header}>\n", capture_output=True, text=True).returncode == 0


def compile_alone(job):
    compiler, header, explored, directory = job
    # Included by name, as users do: a header that is the main file warns about its #pragma once.
    name = header.relative_to(ROOT / ("include" if header.is_relative_to(ROOT / "include") else "src"))
    command = [compiler, "-std=c++23", "-fsyntax-only", "-Wall", "-Wextra", "-Wpedantic", "-Wshadow", "-Werror",
               f"-I{ROOT}/include", f"-I{ROOT}/src", "-x", "c++", "-"] + (["-DTHRUM_EXPLORE"] if explored else [])
    return header, compiler, *remembered.compile_source(command, f'#include "{name}"\n', directory)


def main() -> int:
    arguments = sys.argv[1:]
    directory = None
    if arguments[:1] == ["--remember"]:
        directory = arguments[1]
        arguments = arguments[2:]
    compilers = arguments or [c for c in ("g++", "clang++-19") if shutil.which(c)]
    headers = [h for base in ("include", "src") for h in sorted((ROOT / base).rglob("*.h")) if "stand_in" not in h.parts]
    other_cpu = "aarch64" if os.uname().machine == "x86_64" else "x86_64"
    jobs = [(c, h, "explore" in h.parts, directory) for c in compilers for h in headers if other_cpu not in h.parts]
    for room, needed in NEEDS.items():
        if not all(has(c, needed) for c in compilers):
            jobs = [j for j in jobs if not j[1].is_relative_to(ROOT / "src" / room)]
            print(f"check_headers: src/{room} is left out: <{needed}> is not installed")
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for header, compiler, code, message in pool.map(compile_alone, jobs):
            if code != 0:
                failed += 1
                print(f"{header.relative_to(ROOT)} does not compile alone with {compiler}:\n{message}")
    print(f"check_headers: {len(jobs)} compilations, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
