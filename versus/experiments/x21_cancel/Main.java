// X21 in Java: a tree of virtual threads; the root is told that one has failed, and interrupts; each interrupts its children.
import java.util.*;
import java.util.concurrent.atomic.*;

public class Main {
    static final int leaves = 10_000;
    static final AtomicInteger waiting = new AtomicInteger(), ended = new AtomicInteger();

    static void node(int depth) {
        if (depth == 0) {
            waiting.incrementAndGet();
            try {
                Thread.sleep(3_600_000);
            } catch (InterruptedException e) { // asked to end
            } finally {
                ended.incrementAndGet();
            }
            return;
        }
        var children = new ArrayList<Thread>();
        for (int i = 0; i < 10; i++) children.add(Thread.startVirtualThread(() -> node(depth - 1)));
        boolean told = false;
        for (var child : children) {
            for (boolean gone = false; !gone; ) {
                try {
                    child.join();
                    gone = true;
                } catch (InterruptedException e) {
                    if (!told) for (var c : children) c.interrupt();
                    told = true;
                }
            }
        }
    }

    public static void main(String[] args) throws Exception {
        var kit = new Kit("X21", args);
        Kit.inVirtualThread(() -> {
            for (int run = 0; run < (kit.quick ? 3 : 9); run++) {
                waiting.set(0);
                ended.set(0);
                var root = Thread.startVirtualThread(() -> node(4));
                while (waiting.get() != leaves) Thread.sleep(1);
                Thread.sleep(20);
                double cpu = Kit.cpu();
                long start = System.nanoTime();
                root.interrupt();
                root.join();
                kit.emit("tree", leaves, "gone", (System.nanoTime() - start) / 1e3, "us");
                kit.emit("tree", leaves, "cpu", (Kit.cpu() - cpu) / leaves, "ns/leaf");
                kit.emit("tree", leaves, "check", ended.get(), "count");
            }
        });
    }
}
