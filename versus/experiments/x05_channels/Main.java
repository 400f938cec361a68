// X5 in Java: blocking queues, a lock and a timer. The JDK has no select over queues.
import java.util.concurrent.*;
import java.util.concurrent.atomic.LongAdder;
import java.util.concurrent.locks.ReentrantLock;

public class Main {
    /** As many pairs of one sending and one receiving virtual thread on one queue. */
    static long queue(int rounds, BlockingQueue<Integer> queue, int pairs) throws Exception {
        var total = new LongAdder();
        var threads = new Thread[2 * pairs];
        for (int k = 0; k < pairs; k++) {
            threads[2 * k] = Kit.go(() -> {
                for (int i = 0; i < rounds; i++) queue.put(i & 1023);
            });
            threads[2 * k + 1] = Kit.go(() -> {
                long sum = 0;
                for (int i = 0; i < rounds; i++) sum += queue.take();
                total.add(sum);
            });
        }
        for (Thread t : threads) t.join();
        return total.sum();
    }

    /** Four queues, all empty: four polls. */
    static long pollFour(int rounds) {
        var a = new ArrayBlockingQueue<Integer>(1);
        var b = new ArrayBlockingQueue<Integer>(1);
        var c = new ArrayBlockingQueue<Integer>(1);
        var d = new ArrayBlockingQueue<Integer>(1);
        long defaults = 0;
        for (int i = 0; i < rounds; i++)
            if (a.poll() == null && b.poll() == null && c.poll() == null && d.poll() == null) defaults++;
        return defaults;
    }

    static long uncontendedLock(int rounds) {
        var lock = new ReentrantLock();
        long counter = 0;
        for (int i = 0; i < rounds; i++) {
            lock.lock();
            try {
                counter++;
            } finally {
                lock.unlock();
            }
        }
        return counter;
    }

    /** Start a timer of an hour, stop it before it fires. */
    static long timer(int rounds) {
        long stopped = 0;
        try (var timers = new ScheduledThreadPoolExecutor(1)) {
            timers.setRemoveOnCancelPolicy(true);
            for (int i = 0; i < rounds; i++)
                if (timers.schedule(() -> {}, 1, TimeUnit.HOURS).cancel(false)) stopped++;
        }
        return stopped;
    }

    public static void main(String[] args) throws Exception {
        var kit = new Kit("X5", args);
        kit.measure("buffered", 1, rounds -> queue(rounds, new ArrayBlockingQueue<>(128), 1));
        kit.measure("unbuffered", 1, rounds -> queue(rounds, new SynchronousQueue<>(), 1));
        kit.measure("mpmc", 4, rounds -> queue(rounds, new ArrayBlockingQueue<>(128), 4));
        kit.measure("default", 1, Main::pollFour);
        kit.measure("mutex", 1, Main::uncontendedLock);
        kit.measure("timer", 1, Main::timer);
    }
}
