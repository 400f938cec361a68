// X7 in Java: computing on all processors: in virtual threads, in platform threads, in very many small virtual threads, started by
// one or by all; and threads that wait.
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
import java.util.function.*;

public class Main {
    static final int processors = Runtime.getRuntime().availableProcessors();

    /** It calls nothing and waits for nothing; xorshift never gets to zero. */
    static int compute(long steps) {
        int x = 1;
        for (long i = 0; i < steps; i++) {
            x ^= x << 13;
            x ^= x >>> 17;
            x ^= x << 5;
        }
        return x;
    }

    /** The best of some tries: what a machine that does other things, too, can show. */
    static double bestOf(Kit kit, DoubleSupplier f) {
        double best = f.getAsDouble();
        for (int i = kit.quick ? 2 : 6; i > 0; i--) best = Math.min(best, f.getAsDouble());
        return best;
    }

    static double wallOf(Runnable f) {
        long start = System.nanoTime();
        f.run();
        return System.nanoTime() - start;
    }

    static void all(ExecutorService executor, int tasks, Runnable task) {
        try (executor) { // its end waits for all
            for (int i = 0; i < tasks; i++) executor.execute(task);
        }
    }

    static ExecutorService virtual() { return Executors.newVirtualThreadPerTaskExecutor(); }
    static ExecutorService platform() { return Executors.newThreadPerTaskExecutor(Thread.ofPlatform().factory()); }

    /** How much longer P tasks take than one. */
    static void speedup(Kit kit, String variant, Supplier<ExecutorService> executors) {
        if (!kit.wants(variant)) return;
        long steps = kit.quick ? 8_000_000 : 40_000_000;
        var right = new LongAdder();
        double[] alone = {Double.MAX_VALUE};
        int[] wanted = new int[1];
        double together = bestOf(kit, () -> {
            alone[0] = Math.min(alone[0], wallOf(() -> wanted[0] = compute(steps)));
            right.reset();
            return wallOf(() -> all(executors.get(), processors, () -> {
                if (compute(steps) == wanted[0]) right.increment();
            }));
        });
        kit.emit(variant, processors, "slowdown", together / alone[0], "times one");
        kit.emit(variant, processors, "check", right.sum(), "count");
    }

    static void sleep(long ms) {
        try {
            Thread.sleep(ms);
        } catch (InterruptedException e) {
            throw new RuntimeException(e);
        }
    }

    static void waitingThreads(Kit kit) {
        if (!kit.wants("waits")) return;
        final int n = 16;
        var right = new LongAdder();
        double together = bestOf(kit, () -> {
            right.reset();
            return wallOf(() -> all(platform(), n, () -> {
                if (wallOf(() -> sleep(50)) >= 50e6) right.increment();
            }));
        });
        kit.emit("waits", n, "slowdown", together / 50e6, "times one");
        kit.emit("waits", n, "check", right.sum(), "count");
    }

    /** Tasks of a microsecond each. */
    static void fineGrained(Kit kit) {
        if (!kit.wants("fine")) return;
        int n = kit.quick ? 30_000 : 400_000;
        long probe = 4_000_000;
        double ns = bestOf(kit, () -> {
            double from = Kit.cpu(); // not wall time: on a busy machine that would make the tasks too small
            if (compute(probe) == 0) throw new RuntimeException();
            return Kit.cpu() - from;
        });
        long steps = Math.max(1, (long) (1000 * probe / ns));
        var right = new LongAdder();
        double[] least = {Double.MAX_VALUE, Double.MAX_VALUE, Double.MAX_VALUE}; // CPU of the work, its wall time, that of all tasks
        double cpu = bestOf(kit, () -> {
            double from = Kit.cpu();
            least[1] = Math.min(least[1], wallOf(() -> {
                for (int i = 0; i < n; i++) if (compute(steps) == 0) throw new RuntimeException();
            }));
            least[0] = Math.min(least[0], Kit.cpu() - from);
            right.reset();
            from = Kit.cpu();
            least[2] = Math.min(least[2], wallOf(() -> all(virtual(), n, () -> {
                if (compute(steps) != 0) right.increment();
            })));
            return Kit.cpu() - from;
        });
        kit.emit("fine", n, "lost", Math.max(0, 100 * (1 - least[0] / cpu)), "%");
        kit.emit("fine", n, "slowdown", least[2] * processors / least[1], "times one");
        kit.emit("fine", n, "check", right.sum(), "count");
    }

    /** Tasks of some 10 us: all of them started by one task, by the time that they take if P tasks start as many each. */
    static void skewed(Kit kit) {
        if (!kit.wants("skewed")) return;
        int steps = 5000, each = (kit.quick ? 2_000 : 20_000) / processors, n = each * processors;
        int wanted = compute(steps);
        var right = new LongAdder();
        Runnable task = () -> {
            if (compute(steps) == wanted) right.increment();
        };
        double even = Double.MAX_VALUE, skew = Double.MAX_VALUE;
        for (int tries = kit.quick ? 3 : 7; tries > 0; tries--) {
            right.reset();
            even = Math.min(even, wallOf(() -> all(virtual(), processors, () -> all(virtual(), each, task))));
            skew = Math.min(skew, wallOf(() -> all(virtual(), 1, () -> all(virtual(), n, task))));
        }
        kit.emit("skewed", n, "skew", skew / even, "times even");
        kit.emit("skewed", n, "check", right.sum() / 2.0, "count");
    }

    public static void main(String[] args) throws Exception {
        var kit = new Kit("X7", args);
        for (double warm = Kit.cpu(); Kit.cpu() - warm < (kit.quick ? 100e6 : 1000e6);)
            if (compute(100_000) == 0) throw new RuntimeException();
        speedup(kit, "tasks", Main::virtual);
        speedup(kit, "threads", Main::platform);
        waitingThreads(kit);
        fineGrained(kit);
        skewed(kit);
    }
}
