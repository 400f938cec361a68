"""Remembers which compilations have succeeded, so that a check which changes nothing compiles nothing.

A compilation is known by its command, its compiler and its source, and holds as long as every file that the compiler read has the
same content, the system's headers included. Only success is remembered; what failed is compiled, and told, each time.
"""
import hashlib
import os
import pathlib
import shutil
import subprocess
import tempfile

_digests = {}


def _digest(path: str) -> str:
    if path not in _digests:
        try:
            _digests[path] = hashlib.sha256(pathlib.Path(path).read_bytes()).hexdigest()
        except OSError:
            _digests[path] = "missing"
    return _digests[path]


def compile_source(command: list, source: str, directory=None):
    """Gives `source` to `command` as standard input. Returns (exit code, messages); `directory` is where to remember, if anywhere."""
    if directory is None:
        done = subprocess.run(command, input=source, capture_output=True, text=True)
        return done.returncode, done.stderr
    compiler = os.path.realpath(shutil.which(command[0]) or command[0])
    name = hashlib.sha256("\0".join([*command, compiler, _digest(compiler), source]).encode()).hexdigest()
    note = pathlib.Path(directory) / name
    if note.exists():
        read = [line.split(" ", 1) for line in note.read_text().splitlines()]
        if all(_digest(path) == digest for digest, path in read):
            return 0, ""
    with tempfile.TemporaryDirectory() as place:
        made = pathlib.Path(place) / "read.d"
        done = subprocess.run([*command, "-MD", "-MT", "x", "-MF", str(made)], input=source, capture_output=True, text=True)
        names = made.read_text().replace("\\\n", " ").split()[1:] if made.exists() else []
    if done.returncode == 0 and names:
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text("".join(f"{_digest(os.path.abspath(n))} {os.path.abspath(n)}\n" for n in names if n != "-"))
    return done.returncode, done.stderr
