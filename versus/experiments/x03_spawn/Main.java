// X3 in Java: what it costs to start a virtual thread and to wait for it.
import java.util.concurrent.ArrayBlockingQueue;

public class Main {
    /** Start one, wait for it, start the next. */
    static long oneByOne(int rounds) throws Exception {
        long[] done = new long[1];
        for (int i = 0; i < rounds; i++) Thread.startVirtualThread(() -> done[0]++).join();
        return done[0];
    }

    /** Start a thousand, then wait for all of them. */
    static long thousand(int rounds) throws Exception {
        long done = 0;
        for (int r = 0; r < rounds; r++) {
            var threads = new Thread[1000];
            var results = new int[1000];
            for (int i = 0; i < 1000; i++) {
                int slot = i;
                threads[i] = Thread.startVirtualThread(() -> results[slot] = 1);
            }
            for (Thread t : threads) t.join();
            for (int v : results) done += v;
        }
        return done;
    }

    /** A thousand virtual threads send one result each on one queue. */
    static long fanout(int rounds) throws Exception {
        long sum = 0;
        for (int r = 0; r < rounds; r++) {
            var results = new ArrayBlockingQueue<Integer>(1000);
            for (int i = 0; i < 1000; i++) {
                int v = i;
                Kit.go(() -> results.put(v));
            }
            for (int i = 0; i < 1000; i++) sum += results.take();
        }
        return sum;
    }

    /** Ten children each, down to the leaves; every one sends its sum to its parent. */
    static void skynet(ArrayBlockingQueue<Long> parent, long num, int size) throws Exception {
        if (size == 1) {
            parent.put(num);
            return;
        }
        var children = new ArrayBlockingQueue<Long>(10);
        for (int i = 0; i < 10; i++) {
            long first = num + i * (size / 10);
            Kit.go(() -> skynet(children, first, size / 10));
        }
        long sum = 0;
        for (int i = 0; i < 10; i++) sum += children.take();
        parent.put(sum);
    }

    static long actors(int rounds, int leaves) throws Exception {
        long sum = 0;
        for (int r = 0; r < rounds; r++) {
            var result = new ArrayBlockingQueue<Long>(1);
            Kit.go(() -> skynet(result, 0, leaves));
            sum += result.take();
        }
        return sum;
    }

    public static void main(String[] args) throws Exception {
        var kit = new Kit("X3", args);
        kit.measure("one", 1, Main::oneByOne);
        kit.measure("thousand", 1000, Main::thousand);
        kit.measure("fanout", 1000, Main::fanout);
        int leaves = kit.quick ? 100_000 : 1_000_000;
        kit.measure("skynet", leaves, rounds -> actors(rounds, leaves));
    }
}
