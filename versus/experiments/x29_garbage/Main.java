// X29 in Java: how late is a ticker of 1 ms while a virtual thread builds graphs of a million nodes and drops them?
import java.time.Duration;
import java.util.*;
import java.util.concurrent.*;

public class Main {
    static final int NODES = 1_000_000;
    static volatile boolean stop;

    static final class Node {
        Node left, right;
        int value;
    }

    record Work(long built, double took, boolean right) {}

    static int other(int i) { return Integer.remainderUnsigned(i * 0x9E3779B1, i); }

    static void link(Node[] all, int i, Node into) {
        into.left = i > 0 ? all[i - 1] : null;
        into.right = i > 0 ? all[other(i)] : null;
        into.value = i & 1023;
        all[i] = into;
    }

    static long sum(Node[] all) {
        long out = 0;
        for (var each : all)
            if (each.left != null) out += each.value + each.left.value + each.right.value;
        return out;
    }

    static Node[] whole() {
        var all = new Node[NODES];
        for (int i = 0; i < NODES; i++) link(all, i, new Node());
        return all;
    }

    // Graph after graph; at least one. With a graph to begin with its nodes are linked anew, and none is dropped. It yields,
    // for machines with one processor.
    static Work build(Node[] kept) {
        long expected = 0, built = 0;
        for (int i = 1; i < NODES; i++) expected += (i & 1023) + (i - 1 & 1023) + (other(i) & 1023);
        boolean right = true;
        double start = System.nanoTime();
        while (built < NODES || !stop) {
            var all = kept != null ? kept : new Node[NODES];
            int i = 0;
            for (; i < NODES; i++, built++) {
                if (i % 1000 == 0) {
                    if (built >= NODES && stop) break;
                    Thread.yield();
                }
                link(all, i, all[i] != null ? all[i] : new Node());
            }
            if (i == NODES) right = sum(all) == expected && right;
        }
        return new Work(built, System.nanoTime() - start, right);
    }

    static double[] tick(int ticks) throws InterruptedException {
        var late = new double[ticks];
        long due = System.nanoTime();
        for (int i = 0; i < ticks; i++) {
            due += 1_000_000;
            Thread.sleep(Duration.ofNanos(due - System.nanoTime()));
            late[i] = (System.nanoTime() - due) / 1e3;
        }
        return late;
    }

    static void beside(Kit kit, String variant, boolean reuse) throws Exception {
        if (!kit.wants(variant)) return;
        int ticks = kit.quick ? 600 : 2000;
        try (var tasks = Executors.newVirtualThreadPerTaskExecutor()) {
            stop = true;
            tasks.submit(() -> build(null)).get(); // this and the next line: for the JIT compiler
            tasks.submit(() -> tick(200)).get();
            stop = false;
            Node[] first = reuse ? whole() : null;
            double cpu = Kit.cpu();
            var building = tasks.submit(() -> build(first));
            double[] late = tasks.submit(() -> tick(ticks)).get();
            stop = true;
            var did = building.get();
            double spent = Kit.cpu() - cpu;
            kit.emitLateness(variant, late, 1000);
            Arrays.sort(late);
            kit.emit(variant, ticks, "p99", late[ticks * 99 / 100], "us");
            kit.emit(variant, ticks, "p50", late[ticks / 2], "us");
            kit.emit(variant, ticks, "max", late[ticks - 1], "us");
            kit.emit(variant, ticks, "node", did.took() / did.built(), "ns/node");
            kit.emit(variant, ticks, "cpu", spent / did.built(), "ns/node");
            long kept = Arrays.stream(late).filter(l -> l >= 0).count();
            kit.emit(variant, ticks, "check", did.right() ? kept : 0, "count");
        }
    }

    public static void main(String[] args) throws Exception {
        var kit = new Kit("X29", args);
        beside(kit, "dropped", false);
        beside(kit, "reused", true);
    }
}
