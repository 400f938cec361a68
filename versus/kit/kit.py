"""kit: times one variant of an experiment and prints the result as JSON lines, for Python.

The same measure, in the same steps, exists for every runtime: see ../README.md.
asyncio runs tasks on one thread, so its variants are always "@1".
"""
import asyncio
import gc
import json
import math
import sys
import time

wall = time.perf_counter_ns
cpu = time.process_time_ns  # of the whole process, user and system


def status(key, process="self"):
    """One field of /proc/<process>/status: VmRSS and its like in bytes, Threads as it is."""
    with open(f"/proc/{process}/status") as lines:
        for line in lines:
            name, _, rest = line.partition(":")
            if name == key:
                words = rest.split()
                return int(words[0]) * (1024 if len(words) > 1 else 1)
    return 0


def resident():
    """What the process occupies: pages, page tables, and 16 KiB of kernel stack for each thread."""
    return status("VmRSS") + status("VmPTE") + 16384 * status("Threads")


def resident_kinds():
    """The same by kind: resident pages (stacks and heap), page tables, kernel stacks."""
    return status("VmRSS"), status("VmPTE"), 16384 * status("Threads")


def own_kinds(process):
    """What another process has for itself, by kind, in MiB: pages that it shares with nobody, page tables, kernel stacks."""
    with open(f"/proc/{process}/smaps_rollup") as lines:
        pages = sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Private_"))
    return [v / 2**20 for v in (pages, status("VmPTE", process), 16384 * status("Threads", process))]


def peak():
    """The most that it has occupied so far."""
    return status("VmHWM") + status("VmPTE") + 16384 * status("Threads")


async def settled():
    """resident() after garbage has been collected, once it stands still."""
    last = -math.inf
    while True:
        gc.collect()
        await asyncio.sleep(0.02)
        now = resident()
        if abs(now - last) <= 128 * 1024:
            return now
        last = now


class Bench:
    def __init__(self, exp):
        """Reads the command line: [--quick] [--processors N] [variant...]"""
        args = sys.argv[1:]
        if "--processors" in args:
            at = args.index("--processors")
            del args[at:at + 2]
        self.exp = exp
        self.quick = "--quick" in args
        self.wanted = [a for a in args if a != "--quick"]

    def wants(self, variant):
        return not self.wanted or variant in self.wanted

    def emit(self, variant, n, metric, value, unit):
        print(json.dumps({"exp": self.exp, "rt": "python", "variant": variant + "@1", "n": n, "metric": metric,
                          "value": value, "unit": unit}), flush=True)

    def lacks(self, variant, what):
        """Says what this machine does not have for it, instead of a figure."""
        print(json.dumps({"exp": self.exp, "rt": "python", "variant": variant + "@1", "lacks": what}), flush=True)

    def emit_memory(self, variant, n, before, after, unit):
        """What n tasks occupy, from resident_kinds() before and after: the figure, and what it consists of."""
        parts = {kind: (now - old) / n for kind, old, now in
                 zip(("pages", "page tables", "kernel stacks"), before, after)}
        self.emit(variant, n, "memory", sum(parts.values()), unit)
        print(json.dumps({"exp": self.exp, "rt": "python", "variant": variant + "@1", "n": n, "metric": "memory",
                          "unit": unit, "parts": parts}), flush=True)

    def emit_lateness(self, variant, late, period):
        """How late the ticks of a plan were, over time: tick i was due i + 1 periods after the start and ran late[i]
        after that (microseconds, not sorted). The time until the last ran is cut in 300 slots, and the latest tick of
        each is kept."""
        slots, kept = 300, {}
        ran = [((i + 1) * period + l, l) for i, l in enumerate(late)]
        span = max((at for at, _ in ran), default=0)
        for at, l in ran:
            slot = min(slots - 1, int(at / span * slots))
            if l >= 0 and (slot not in kept or l > kept[slot][1]):
                kept[slot] = at, l
        series = [[round(at), round(l)] for _, (at, l) in sorted(kept.items())]
        if series:
            print(json.dumps({"exp": self.exp, "rt": "python", "variant": variant + "@1", "n": len(late),
                              "metric": "late", "unit": "us", "series": series}), flush=True)

    async def measure(self, variant, per, f):
        """Times f(rounds), where a round is `per` operations, and lets rounds grow until a sample is
        long enough. f returns a count or a sum that shows that the work was done."""
        if not self.wants(variant):
            return
        target = 100e6 if self.quick else 200e6
        rounds = 1
        calibrated = False
        while True:
            c, t = cpu(), wall()
            check = await f(rounds)
            w, n = wall() - t, rounds * per
            if calibrated or w >= 4 * target:
                self.emit(variant, n, "cpu", (cpu() - c) / n, "ns/op")
                self.emit(variant, n, "wall", w / n, "ns/op")
                self.emit(variant, n, "check", check, "count")
                return
            if w < target / 8:
                rounds *= 8 if w < target / 64 else 2
            else:
                rounds = 1 + int(rounds * target / w)
                calibrated = True
