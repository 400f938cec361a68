// X2 in Java: what a waiting virtual thread occupies, by the depth of the call it waits in.
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.LongAdder;

public class Main {
    /** Waits `depth` calls deep; eight locals each, live across the call. */
    static long deep(int depth, Kit.Body wait) throws Exception {
        if (depth == 0) {
            wait.run();
            return 0;
        }
        long a = depth, b = a * 3, c = a + b, d = b * c, e = c + d, f = d * e, g = e + f, h = f * g;
        long r = deep(depth - 1, wait);
        return r + (a ^ b ^ c ^ d ^ e ^ f ^ g ^ h);
    }

    /** What the process occupies once that stands still, by kind. */
    static double[] occupied() throws Exception {
        Kit.settled();
        return Kit.residentKinds();
    }

    static void waiting(Kit kit, String variant, int n, int depth, Thread.Builder builder) throws Exception {
        if (!kit.wants(variant)) return;
        var woken = new LongAdder();
        var ready = new CountDownLatch(n);
        var gate = new CountDownLatch(1);
        var threads = new Thread[n];
        Runnable task = () -> {
            try {
                deep(depth, () -> {
                    ready.countDown();
                    gate.await();
                });
            } catch (Exception e) {
                throw new RuntimeException(e);
            }
            woken.increment();
        };
        builder.start(() -> {}).join();
        double space = Kit.status("VmSize");
        double[] memory = occupied();
        double cpu = Kit.cpu();
        for (int i = 0; i < n; i++) threads[i] = builder.start(task);
        ready.await();
        cpu = Kit.cpu() - cpu;
        double[] held = occupied();
        space = Kit.status("VmSize") - space;
        gate.countDown();
        for (Thread t : threads) t.join();
        kit.emitMemory(variant, n, memory, held, "B/task");
        kit.emit(variant, n, "space", space / n, "B/task");
        kit.emit(variant, n, "cpu", cpu / n, "ns/task");
        kit.emit(variant, n, "check", woken.sum(), "count");
    }

    public static void main(String[] args) throws Exception {
        var kit = new Kit("X2", args);
        int n = kit.quick ? 20_000 : 100_000;
        waiting(kit, "depth0", n, 0, Thread.ofVirtual());
        waiting(kit, "depth12", n, 12, Thread.ofVirtual());
        waiting(kit, "depth48", n, 48, Thread.ofVirtual());
        waiting(kit, "thread", kit.quick ? 2_000 : 4_000, 0, Thread.ofPlatform());
    }
}
