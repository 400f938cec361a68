// X23 in Java: blocks of 64 KiB from a source through two stages into a sink, all virtual threads: piped streams, and queues of
// blocks.
import java.io.*;
import java.util.concurrent.*;

public class Main {
    static final int size = 64 << 10;
    static final byte[] end = new byte[0];

    // Every 64th byte is looked at: the source writes them, the stages add 1 to them, the sink knows what they must be by then.
    static byte[] fill(byte[] b, int number) {
        for (int i = 0; i < size; i += 64) b[i] = (byte) (number + i / 64);
        return b;
    }
    static byte[] step(byte[] b) {
        for (int i = 0; i < size; i += 64) b[i]++;
        return b;
    }
    static int isRight(byte[] b, int number) {
        for (int i = 0; i < size; i += 64) if (b[i] != (byte) (number + i / 64 + 2)) return 0;
        return 1;
    }
    /** The slow sink takes 16 blocks (1 MiB) every 5 ms. */
    static void keepSlow(int number, long start) throws InterruptedException {
        if (number % 16 != 15) return;
        long left = start + (number + 1) / 16 * 5_000_000L - System.nanoTime();
        if (left > 0) Thread.sleep(left / 1_000_000, (int) (left % 1_000_000));
    }

    /** A pipe of 64 KiB that copies. */
    record Pipe(PipedInputStream in, PipedOutputStream out) {
        static Pipe make() throws IOException {
            var in = new PipedInputStream(size);
            return new Pipe(in, new PipedOutputStream(in));
        }
        void write(byte[] b) throws IOException {
            out.write(b);
            out.flush(); // wakes the reader
        }
    }

    static long bytes(int n, boolean slow) throws Exception {
        Pipe raw = Pipe.make(), half = Pipe.make(), done = Pipe.make();
        Kit.go(() -> {
            var b = new byte[size];
            for (int i = 0; i < n; i++) raw.write(fill(b, i));
            raw.out.close();
        });
        for (Pipe[] ends : new Pipe[][] {{raw, half}, {half, done}})
            Kit.go(() -> {
                var b = new byte[size];
                while (ends[0].in.readNBytes(b, 0, size) == size) ends[1].write(step(b));
                ends[1].out.close();
            });
        var b = new byte[size];
        long start = System.nanoTime(), right = 0;
        for (int i = 0; done.in.readNBytes(b, 0, size) == size; i++) {
            right += isRight(b, i);
            if (slow) keepSlow(i, start);
        }
        return right;
    }

    static long blocks(int n, boolean slow, BlockingQueue<byte[]> raw, BlockingQueue<byte[]> half, BlockingQueue<byte[]> done)
            throws Exception {
        Kit.go(() -> {
            for (int i = 0; i < n; i++) raw.put(fill(new byte[size], i));
            raw.put(end);
        });
        Kit.go(() -> {
            for (byte[] b; (b = raw.take()) != end;) half.put(step(b));
            half.put(end);
        });
        Kit.go(() -> {
            for (byte[] b; (b = half.take()) != end;) done.put(step(b));
            done.put(end);
        });
        long start = System.nanoTime(), right = 0;
        int i = 0;
        for (byte[] b; (b = done.take()) != end; i++) {
            right += isRight(b, i);
            if (slow) keepSlow(i, start);
        }
        return right;
    }

    static void measureMemory(Kit kit, String variant, Kit.Work flow) throws Exception {
        if (!kit.wants(variant)) return;
        Kit.inVirtualThread(() -> {
            int n = kit.quick ? 512 : 2048;
            double before = Kit.peak(), cpu = Kit.cpu();
            long start = System.nanoTime(), right = flow.run(n);
            double wall = System.nanoTime() - start;
            kit.emit(variant, n, "memory", Math.max(0, Kit.peak() - before) / (1 << 20), "MiB");
            kit.emit(variant, n, "time", wall / 1e3 / n, "us/block");
            kit.emit(variant, n, "work", (Kit.cpu() - cpu) / 1e3 / n, "us/block");
            kit.emit(variant, n, "check", right, "count");
        });
    }

    public static void main(String[] args) throws Exception {
        var kit = new Kit("X23", args);
        kit.measure("bytes", 1, n -> bytes(n, false));
        kit.measure("blocks", 1, n -> blocks(n, false, new ArrayBlockingQueue<>(1), new ArrayBlockingQueue<>(1),
            new ArrayBlockingQueue<>(1)));
        measureMemory(kit, "slow", n -> bytes(n, true));
        measureMemory(kit, "unlimited", n -> blocks(n, true, new LinkedBlockingQueue<>(), new LinkedBlockingQueue<>(),
            new LinkedBlockingQueue<>()));
    }
}
