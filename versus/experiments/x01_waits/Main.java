// X1 in Java: many virtual threads sleep at the same time.
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.LongAdder;

public class Main {
    static void sleepers(Kit kit, String variant, int n, int nap) throws Exception {
        if (!kit.wants(variant)) return;
        var woken = new LongAdder();
        double memory = Kit.resident(), cpu = Kit.cpu(), start = System.nanoTime();
        var all = new CountDownLatch(n);
        for (int i = 0; i < n; i++)
            Kit.go(() -> {
                Thread.sleep(nap);
                woken.increment();
                all.countDown();
            });
        all.await();
        double wall = System.nanoTime() - start;
        kit.emit(variant, n, "cpu", (Kit.cpu() - cpu) / n, "ns/task");
        kit.emit(variant, n, "beyond", wall / 1e6 - nap, "ms");
        kit.emit(variant, n, "memory", (Kit.peak() - memory) / n, "B/task");
        kit.emit(variant, n, "check", woken.sum(), "count");
    }

    public static void main(String[] args) throws Exception {
        var kit = new Kit("X1", args);
        sleepers(kit, "10k", 10_000, 100);
        sleepers(kit, "100k", 100_000, 100);
        sleepers(kit, "1M", 1_000_000, 1000);
    }
}
