// X28 in Java: very many timers of one ScheduledThreadPoolExecutor are set, nine of ten are cancelled, the rest call their functions.
import java.util.Arrays;
import java.util.concurrent.*;
import java.util.stream.*;

public class Main {
    public static void main(String[] args) throws Exception {
        var kit = new Kit("X28", args);
        int n = kit.quick ? 50_000 : 1_000_000;
        long spread = kit.quick ? 200_000 : 2_000_000;
        var timers = new ScheduledThreadPoolExecutor(1);
        timers.setRemoveOnCancelPolicy(true);
        for (double start = Kit.cpu(); Kit.cpu() - start < (kit.quick ? 200e6 : 1000e6);) trial(timers, 10_000); // for the JIT compiler
        long ahead = 200_000_000 + 40 * trial(timers, n / 10);
        double memory = Kit.settled();
        long base = System.nanoTime() + ahead;
        var due = new long[n];
        var late = new double[n];
        var all = new ScheduledFuture<?>[n];
        Arrays.fill(late, Double.NaN);
        for (int i = 0; i < n; i++) due[i] = base + i * 2654435761L % spread * 1000;
        var left = new CountDownLatch(n / 10);

        double insert = Kit.cpu();
        for (int i = 0; i < n; i++) {
            int me = i;
            all[i] = timers.schedule(() -> {
                late[me] = (System.nanoTime() - due[me]) / 1e3;
                left.countDown();
            }, due[i] - System.nanoTime(), TimeUnit.NANOSECONDS);
        }
        insert = Kit.cpu() - insert;
        double occupied = Kit.resident() - memory, cancel = Kit.cpu();
        int stopped = 0;
        for (int i = 0; i < n; i++) if (i % 10 != 0 && all[i].cancel(false)) stopped++;
        cancel = Kit.cpu() - cancel;
        boolean inTime = System.nanoTime() < base;
        double fire = Kit.cpu();
        left.await();
        fire = Kit.cpu() - fire;
        timers.shutdown();

        double[] fired = Arrays.stream(late).filter(x -> !Double.isNaN(x)).sorted().toArray();
        boolean right = inTime && stopped == n / 10 * 9 && fired.length == n / 10
            && IntStream.range(0, n).allMatch(i -> Double.isNaN(late[i]) == (i % 10 != 0));
        if (kit.wants("set")) {
            kit.emit("set", n, "insert", insert / n, "ns/timer");
            kit.emit("set", n, "cancel", cancel / (n * 0.9), "ns/timer");
            kit.emit("set", n, "memory", Math.max(0, occupied) / n, "B/timer");
            kit.emit("set", n, "check", right ? n : 0, "count");
        }
        if (kit.wants("fire")) {
            kit.emit("fire", n / 10, "p99", fired[fired.length * 99 / 100], "us");
            kit.emit("fire", n / 10, "p50", fired[fired.length / 2], "us");
            kit.emit("fire", n / 10, "fire", fire / (n / 10), "ns/timer");
            kit.emit("fire", n / 10, "check", right ? n / 10 : 0, "count");
        }
    }

    /** How long it takes to set n timers and to cancel them: so much must lie between now and the first. */
    static long trial(ScheduledThreadPoolExecutor timers, int n) {
        long start = System.nanoTime();
        var all = IntStream.range(0, n).mapToObj(i -> timers.schedule(() -> {}, 3600 + i % 1000, TimeUnit.SECONDS)).toList();
        for (var t : all) t.cancel(false);
        return System.nanoTime() - start;
    }
}
