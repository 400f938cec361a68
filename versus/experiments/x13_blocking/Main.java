// X13 in Java: virtual threads in calls that block in the kernel, beside one that computes; and a thousand
// such calls at once, in platform threads: of virtual ones only one a processor would run at a time.
import java.lang.foreign.*;
import java.lang.invoke.MethodHandle;
import java.util.concurrent.*;
import java.util.concurrent.atomic.LongAdder;

public class Main {
    static volatile boolean stop;

    // A unit of work. It calls nothing, waits for nothing; xorshift never gets to zero.
    static int unit(int x) {
        for (int i = 0; i < 1000; i++) {
            x ^= x << 13;
            x ^= x >>> 17;
            x ^= x << 5;
        }
        return x;
    }

    static long compute() {
        long units = 0;
        int x = 1;
        do {
            x = unit(x);
            units++;
        } while (!stop);
        return x != 0 ? units : 0;
    }

    // The kernel's sleep. Thread.sleep() is none: it only takes the virtual thread off its carrier.
    static final MethodHandle usleep = Linker.nativeLinker().downcallHandle(
        Linker.nativeLinker().defaultLookup().find("usleep").orElseThrow(),
        FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT));

    // False if it was too short.
    static boolean blockingCall(int ms) {
        long start = System.nanoTime();
        try {
            int ignored = (int) usleep.invokeExact(ms * 1000);
        } catch (Throwable e) {
            throw new RuntimeException(e);
        }
        return System.nanoTime() - start >= ms * 1_000_000L;
    }

    record Outcome(double rate, long calls, long right, double threads, double seconds) {}

    static Outcome computeBeside(int callers, int nap) throws Exception {
        stop = false;
        var calls = new LongAdder();
        var right = new LongAdder();
        double threads, seconds;
        long units, start = System.nanoTime();
        try (var tasks = Executors.newVirtualThreadPerTaskExecutor()) {
            for (int i = 0; i < callers; i++)
                tasks.submit(() -> {
                    do {
                        if (blockingCall(1)) right.increment();
                        calls.increment();
                    } while (!stop);
                });
            var computing = tasks.submit(Main::compute);
            Thread.sleep(nap); // this is a platform thread: a virtual one might never wake up
            threads = Kit.status("Threads");
            stop = true;
            units = computing.get();
            seconds = (System.nanoTime() - start) / 1e9;
        }
        return new Outcome(units / seconds, calls.sum(), right.sum(), threads, seconds);
    }

    static void beside(Kit kit) throws Exception {
        if (!kit.wants("beside")) return;
        final int callers = 64;
        computeBeside(0, kit.quick ? 400 : 2000); // for the JIT compiler
        int nap = kit.quick ? 150 : 500;
        double before = computeBeside(0, nap).rate;
        var o = computeBeside(callers, kit.quick ? 1000 : 1500);
        double alone = (before + computeBeside(0, nap).rate) / 2;
        kit.emit("beside", o.calls, "lost", Math.max(0, 100 * (1 - o.rate / alone)), "%");
        kit.emit("beside", o.calls, "call", callers * o.seconds * 1e6 / o.calls, "us");
        kit.emit("beside", o.calls, "threads", o.threads, "threads");
        kit.emit("beside", o.calls, "check", o.right, "count");
    }

    static void thousand(Kit kit, String variant) throws Exception {
        if (!kit.wants(variant)) return;
        final int n = 1000;
        var right = new LongAdder();
        double cpu = Kit.cpu(), wall;
        long start = System.nanoTime();
        try (var tasks = Executors.newThreadPerTaskExecutor(Thread.ofPlatform().factory())) {
            for (int i = 0; i < n; i++)
                tasks.submit(() -> {
                    if (blockingCall(100)) right.increment();
                });
        }
        wall = System.nanoTime() - start;
        kit.emit(variant, n, "wall", wall / 1e6, "ms");
        kit.emit(variant, n, "cpu", (Kit.cpu() - cpu) / 1e3 / n, "us/call");
        kit.emit(variant, n, "check", right.sum(), "count");
    }

    public static void main(String[] args) throws Exception {
        var kit = new Kit("X13", args);
        beside(kit);
        thousand(kit, "thousand");
        thousand(kit, "told"); // the same: who uses platform threads has told
    }
}
