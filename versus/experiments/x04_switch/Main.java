// X4 in Java: what it costs to let another virtual thread run.
import java.util.concurrent.SynchronousQueue;

public class Main {
    static long count(int rounds) {
        long n = 0;
        for (int i = 0; i < rounds; i++) {
            Thread.yield();
            n++;
        }
        return n;
    }

    /** Two virtual threads yield to each other. */
    static long yields(int rounds) throws Exception {
        long[] turns = new long[2];
        Thread a = Kit.go(() -> turns[0] = count(rounds)), b = Kit.go(() -> turns[1] = count(rounds));
        a.join();
        b.join();
        return turns[0] + turns[1];
    }

    /** One round trip over two rendezvous queues. */
    static long pingpong(int rounds) throws Exception {
        var ping = new SynchronousQueue<Integer>();
        var pong = new SynchronousQueue<Integer>();
        Thread echo = Kit.go(() -> {
            for (int i = 0; i < rounds; i++) pong.put(ping.take());
        });
        long sum = 0;
        for (int i = 0; i < rounds; i++) {
            ping.put(i & 1023);
            sum += pong.take();
        }
        echo.join();
        return sum;
    }

    public static void main(String[] args) throws Exception {
        var kit = new Kit("X4", args);
        kit.measure("yield", 2, Main::yields);
        kit.measure("pingpong", 1, Main::pingpong);
    }
}
