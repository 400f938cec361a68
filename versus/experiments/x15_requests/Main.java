// X15 in Java: requests that wait 100 ms each: on fixed pools, in a platform thread each, in a virtual thread each.
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;

public class Main {
    /** What is known of the requests of one variant. */
    static final class Desk {
        final int n;
        final AtomicInteger begun = new AtomicInteger(), served = new AtomicInteger();
        final DoubleAccumulator most = new DoubleAccumulator(Math::max, 0);

        Desk(int n) { this.n = n; }

        Void serve() throws Exception {
            if (begun.getAndIncrement() % (n / 10) == n / 10 - 1) most.accumulate(Kit.peak());
            long start = System.nanoTime();
            Thread.sleep(100);
            if (System.nanoTime() - start >= 100_000_000) served.incrementAndGet();
            return null;
        }
    }

    static void measure(Kit kit, String variant, int n, ExecutorService executor) throws Exception {
        if (!kit.wants(variant)) return;
        var desk = new Desk(n);
        double before = Kit.peak(), cpu = Kit.cpu();
        long start = System.nanoTime();
        try (executor) { // its end waits for all
            for (int i = 0; i < n; i++) executor.submit(desk::serve);
        }
        kit.emit(variant, n, "request", (System.nanoTime() - start) / 1e3 / n, "us/request");
        kit.emit(variant, n, "memory", (desk.most.get() - before) / (1 << 20), "MiB");
        kit.emit(variant, n, "cpu", (Kit.cpu() - cpu) / 1e3 / n, "us/request");
        kit.emit(variant, n, "check", desk.served.get(), "count");
    }

    public static void main(String[] args) throws Exception {
        var kit = new Kit("X15", args);
        var platform = Thread.ofPlatform().factory();
        measure(kit, "pool10", kit.quick ? 50 : 1000, Executors.newFixedThreadPool(10));
        measure(kit, "pool200", 1000, Executors.newFixedThreadPool(200));
        measure(kit, "thread", 1000, Executors.newThreadPerTaskExecutor(platform));
        measure(kit, "task", 1000, Executors.newVirtualThreadPerTaskExecutor());
        measure(kit, "thread10k", 10_000, Executors.newThreadPerTaskExecutor(platform));
        measure(kit, "task10k", 10_000, Executors.newVirtualThreadPerTaskExecutor());
    }
}
