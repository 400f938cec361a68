// X6 in Java: how late is a ticker of 1 ms beside virtual threads that compute and never pause?
import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;

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

    static long hog() {
        long units = 0;
        int x = 1;
        do {
            x = unit(x);
            units++;
        } while (!stop);
        return x != 0 ? units : 0;
    }

    // CPU time of a unit in so many platform threads and nothing else.
    static double alone(int threads, int ms) throws Exception {
        stop = false;
        long units = 0;
        double cpu = Kit.cpu();
        try (var tasks = Executors.newThreadPerTaskExecutor(Thread.ofPlatform().factory())) {
            var working = new ArrayList<Future<Long>>();
            for (int i = 0; i < threads; i++) working.add(tasks.submit(Main::hog));
            Thread.sleep(ms);
            stop = true;
            for (var each : working) units += each.get();
        }
        return (Kit.cpu() - cpu) / units;
    }

    static double[] tick(int ticks, long due) throws InterruptedException {
        var late = new double[ticks];
        for (int i = 0; i < ticks; i++) {
            due += 1_000_000;
            Thread.sleep(Duration.ofNanos(due - System.nanoTime()));
            late[i] = (System.nanoTime() - due) / 1e3;
        }
        return late;
    }

    static void ticker(Kit kit, String variant, int hogs) throws Exception {
        if (!kit.wants(variant)) return;
        int ticks = kit.quick ? 1000 : 2000, processors = Runtime.getRuntime().availableProcessors();
        double unitAlone = hogs > 0 ? alone(Math.min(hogs, processors), kit.quick ? 100 : 500) : 0;
        stop = false;
        double cpu = Kit.cpu();
        double[] late;
        long units = 0, least = Long.MAX_VALUE, most = 0;
        try (var tasks = Executors.newVirtualThreadPerTaskExecutor()) {
            long start = System.nanoTime();
            var ticking = tasks.submit(() -> tick(ticks, start));
            var working = new ArrayList<Future<Long>>();
            for (int i = 0; i < hogs; i++) working.add(tasks.submit(Main::hog));
            Thread.sleep(ticks); // this is a platform thread: a virtual one might never wake up
            stop = true;
            late = ticking.get();
            for (var each : working) {
                units += each.get();
                least = Math.min(least, each.get());
                most = Math.max(most, each.get());
            }
        }
        double spent = Kit.cpu() - cpu;
        kit.emitLateness(variant, late, 1000);
        Arrays.sort(late);
        kit.emit(variant, ticks, "p99", late[ticks * 99 / 100], "us");
        kit.emit(variant, ticks, "p50", late[ticks / 2], "us");
        kit.emit(variant, ticks, "max", late[ticks - 1], "us");
        if (hogs > 0) kit.emit(variant, ticks, "work", spent / units / unitAlone * 100, "% of alone");
        if (hogs > processors) kit.emit(variant, ticks, "uneven", (double) most / least, "times the least");
        long kept = Arrays.stream(late).filter(l -> l >= 0).count();
        kit.emit(variant, ticks, "check", least > 0 ? kept : 0, "count");
    }

    public static void main(String[] args) throws Exception {
        var kit = new Kit("X6", args);
        alone(1, kit.quick ? 300 : 2000); // this and the next line: for the JIT compiler
        Kit.inVirtualThread(() -> tick(kit.quick ? 200 : 1000, System.nanoTime()));
        int processors = Runtime.getRuntime().availableProcessors();
        ticker(kit, "hogs0", 0);
        ticker(kit, "hogs1", 1);
        ticker(kit, "hogsP", processors);
        ticker(kit, "hogs4P", 4 * processors);
    }
}
