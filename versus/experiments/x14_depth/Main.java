// X14 in Java: how deep a virtual thread may call, what the way down costs, and what it leaves behind.
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;

public class Main {
    static final int calls = 2000;

    /** One call deeper until left is 0; returns how many calls there were. reached[0] counts them on the way down. */
    static int descend(int left, int[] reached, long a, long b, long c) {
        reached[0]++;
        if (left == 1) return 1;
        int r = descend(left - 1, reached, b, c, a + left);
        return r + ((a ^ b ^ c) == Long.MIN_VALUE ? 0 : 1);
    }

    static Runnable attempt(Kit kit, String variant, int wanted) {
        return () -> {
            int[] reached = new int[1];
            boolean right;
            try {
                right = descend(wanted, reached, 1, 2, 3) == wanted && reached[0] == wanted;
            } catch (StackOverflowError e) {
                right = reached[0] > 100 && reached[0] < wanted;
            }
            kit.emit(variant, wanted, "refused", 100 * (1 - (double) reached[0] / wanted), "%");
            kit.emit(variant, wanted, "died", 0, "%"); // a StackOverflowError that was caught
            kit.emit(variant, wanted, "untold", 0, "%");
            kit.emit(variant, wanted, "check", right ? wanted : 0, "count");
        };
    }

    /** Virtual threads that descend, wait at a gate, and descend again. */
    static void descents(Kit kit, int n, boolean report) throws Exception {
        var sum = new LongAdder();
        var ready = new CountDownLatch(n);
        var gate = new CountDownLatch(1);
        var threads = new Thread[n];
        double memory = Kit.settled(), first = Kit.cpu();
        for (int i = 0; i < n; i++)
            threads[i] = Kit.go(() -> {
                sum.add(descend(calls, new int[1], 1, 2, 3));
                ready.countDown();
                gate.await();
                sum.add(descend(calls, new int[1], 1, 2, 3));
            });
        ready.await();
        first = Kit.cpu() - first;
        double kept = Kit.settled() - memory, again = Kit.cpu();
        gate.countDown();
        for (Thread t : threads) t.join();
        again = Kit.cpu() - again;
        if (!report) return;
        double all = (double) n * calls;
        kit.emit("descend", 2L * n * calls, "first", first / all, "ns/call");
        kit.emit("descend", 2L * n * calls, "again", again / all, "ns/call");
        kit.emit("descend", 2L * n * calls, "kept", Math.max(0, kept) / 1024 / n, "KiB/task");
        kit.emit("descend", 2L * n * calls, "check", sum.sum(), "count");
    }

    public static void main(String[] args) throws Exception {
        var kit = new Kit("X14", args);
        if (kit.wants("default")) Thread.ofVirtual().start(attempt(kit, "default", 10_000)).join();
        if (kit.wants("asked")) {
            var deep = new Thread(null, attempt(kit, "asked", 1_000_000), "deep", 512L << 20);
            deep.start();
            deep.join();
        }
        if (kit.wants("descend")) {
            int n = kit.quick ? 100 : 200;
            for (int i = 0; i < (kit.quick ? 3 : 5); i++) descents(kit, n, false); // for the JIT compiler
            descents(kit, n, true);
        }
    }
}
