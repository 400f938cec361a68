// X22 in Java: locks in virtual threads: synchronized, free and contended; tryLock with a limit; readers and writers; a counter
// without a lock.
import java.util.Arrays;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
import java.util.concurrent.locks.*;
import java.util.function.IntConsumer;

public class Main {
    static final int perRound = 64;

    static void inThreads(int tasks, IntConsumer task) throws Exception {
        var all = new Thread[tasks];
        for (int i = 0; i < tasks; i++) {
            int me = i;
            all[i] = Thread.startVirtualThread(() -> task.accept(me));
        }
        for (Thread t : all) t.join();
    }

    /** What the lock guards: read and written each time. */
    static final class Sum { long value; }

    /** Lock, add, unlock; nobody else is there. */
    static long free(int rounds) {
        var sum = new Sum();
        var lock = guard;
        for (int i = 0; i < rounds * perRound; i++)
            synchronized (lock) {
                sum.value++;
            }
        return sum.value;
    }
    static Object guard = new Object(); // others could see it, so the lock cannot be left out

    static long withLimit(int rounds) throws Exception {
        var sum = new Sum();
        for (int i = 0; i < rounds * perRound; i++)
            if (reentrant.tryLock(100, TimeUnit.MILLISECONDS))
                try {
                    sum.value++;
                } finally {
                    reentrant.unlock();
                }
        return sum.value;
    }
    static final ReentrantLock reentrant = new ReentrantLock();

    static Kit.Work contenders(int tasks) {
        return rounds -> {
            var sum = new Sum();
            inThreads(tasks, me -> {
                for (int i = rounds * perRound / tasks; i > 0; i--)
                    synchronized (sum) {
                        sum.value++;
                    }
            });
            return sum.value;
        };
    }

    /** A little work: the lock is held for some 200 ns. */
    static int work(int x) {
        for (int i = 0; i < 100; i++) {
            x ^= x << 13;
            x ^= x >>> 17;
            x ^= x << 5;
        }
        return x;
    }

    static int state = 1;

    /** Eight tasks take the lock as often as they can: by how much does the one that gets it least fall short of the average? */
    static void fairness(Kit kit) throws Exception {
        if (!kit.wants("fair")) return;
        final int tasks = 8;
        long span = kit.quick ? 200_000_000 : 1_000_000_000;
        for (boolean report : new boolean[] {false, true}) { // first for the JIT compiler
            var sum = new Sum();
            var each = new long[tasks];
            long end = System.nanoTime() + span;
            inThreads(tasks, me -> {
                long mine = 0;
                for (; System.nanoTime() < end; mine++)
                    synchronized (sum) {
                        state = work(state);
                        sum.value++;
                    }
                each[me] = mine;
            });
            long total = Arrays.stream(each).sum(), least = Arrays.stream(each).min().getAsLong();
            if (!report) continue;
            kit.emit("fair", sum.value, "short", 100 * (1 - (double) least * tasks / total), "%");
            kit.emit("fair", sum.value, "turn", (double) span / sum.value, "ns/op");
            kit.emit("fair", sum.value, "check", state != 0 ? total : 0, "count");
        }
    }

    /** Eight threads, one lock in twenty is a writer's. */
    static long reads(int rounds) throws Exception {
        var lock = new ReentrantReadWriteLock();
        var right = new LongAdder();
        var a = new Sum();
        var b = new Sum();
        inThreads(8, me -> {
            long mine = 0;
            for (int i = 0; i < rounds * perRound / 8; i++) {
                if (i % 20 == 19) {
                    lock.writeLock().lock();
                    try {
                        a.value++;
                        b.value++;
                        mine++;
                    } finally {
                        lock.writeLock().unlock();
                    }
                } else {
                    lock.readLock().lock();
                    try {
                        if (a.value == b.value) mine++;
                    } finally {
                        lock.readLock().unlock();
                    }
                }
            }
            right.add(mine);
        });
        return right.sum();
    }

    static long atomicCounter(int rounds) throws Exception {
        var sum = new AtomicLong();
        inThreads(8, me -> {
            for (int i = 0; i < rounds * perRound / 8; i++) sum.incrementAndGet();
        });
        return sum.get();
    }

    public static void main(String[] args) throws Exception {
        var kit = new Kit("X22", args);
        kit.measure("free", perRound, Main::free);
        kit.measure("limit", perRound, Main::withLimit);
        kit.measure("two", perRound, contenders(2));
        kit.measure("eight", perRound, contenders(8));
        kit.measure("many", perRound, contenders(64));
        fairness(kit);
        kit.measure("reads", perRound, Main::reads);
        kit.measure("atomic", perRound, Main::atomicCounter);
    }
}
