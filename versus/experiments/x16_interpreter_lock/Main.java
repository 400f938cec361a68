// X16 in Java: what an interpreter's lock forbids Python's threads, done by platform threads.
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

    static void inThreads(int tasks, Runnable task) {
        try (var executor = Executors.newThreadPerTaskExecutor(Thread.ofPlatform().factory())) { // its end waits for all
            for (int i = 0; i < tasks; i++) executor.execute(task);
        }
    }

    static void sleep(long ms) {
        try {
            Thread.sleep(ms);
        } catch (InterruptedException e) {
            throw new RuntimeException(e);
        }
    }

    /** How much longer n tasks take than one. */
    static void slowDown(Kit kit, String variant, int n) {
        if (!kit.wants(variant)) return;
        long steps = kit.quick ? 8_000_000 : 100_000_000;
        var right = new LongAdder();
        double[] alone = {Double.MAX_VALUE};
        int[] wanted = new int[1];
        double together = bestOf(kit, () -> {
            alone[0] = Math.min(alone[0], wallOf(() -> wanted[0] = compute(steps)));
            right.reset();
            return wallOf(() -> inThreads(n, () -> {
                if (compute(steps) == wanted[0]) right.increment();
            }));
        });
        kit.emit(variant, n, "slowdown", together / alone[0], "times one");
        kit.emit(variant, n, "check", right.sum(), "count");
    }

    static void waitInThreads(Kit kit) {
        if (!kit.wants("waits")) return;
        int n = 32;
        var right = new LongAdder();
        double together = bestOf(kit, () -> {
            right.reset();
            return wallOf(() -> inThreads(n, () -> {
                if (wallOf(() -> sleep(20)) >= 20e6) right.increment();
            }));
        });
        kit.emit("waits", n, "slowdown", together / 20e6, "times one");
        kit.emit("waits", n, "check", right.sum(), "count");
    }

    static volatile boolean stop;

    /** Short waits, beside a thread that computes. */
    static void waitBeside(Kit kit) throws InterruptedException {
        if (!kit.wants("beside")) return;
        int n = kit.quick ? 50 : 1000;
        int[] done = new int[1];
        Runnable waits = () -> {
            for (done[0] = 0; done[0] < n; done[0]++) sleep(1);
        };
        double alone = wallOf(waits);
        var hog = Thread.ofPlatform().start(() -> {
            while (!stop) if (compute(100_000) == 0) throw new RuntimeException("zero");
        });
        double beside = wallOf(waits);
        stop = true;
        hog.join();
        kit.emit("beside", n, "slowdown", beside / alone, "times one");
        kit.emit("beside", n, "check", done[0], "count");
    }

    static volatile long balance;

    static long afterDeposit(long x) { return x + 1; }

    /** Four threads read a number, call a function, and write what it returns. */
    static void loseUpdates(Kit kit) {
        if (!kit.wants("lost")) return;
        int each = kit.quick ? 500_000 : 20_000_000;
        var done = new LongAdder();
        inThreads(4, () -> {
            for (int i = 0; i < each; i++) balance = afterDeposit(balance);
            done.add(each);
        });
        long n = 4L * each;
        kit.emit("lost", n, "lost", 100 * (1 - (double) balance / n), "%");
        kit.emit("lost", n, "check", done.sum(), "count");
    }

    public static void main(String[] args) throws Exception {
        var kit = new Kit("X16", args);
        for (double warm = Kit.cpu(); Kit.cpu() - warm < (kit.quick ? 100e6 : 1000e6);)
            if (compute(100_000) == 0) throw new RuntimeException();
        slowDown(kit, "two", 2);
        slowDown(kit, "every", processors);
        waitInThreads(kit);
        waitBeside(kit);
        loseUpdates(kit);
    }
}
