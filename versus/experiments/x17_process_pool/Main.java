// X17 in Java: calls to processes of its own, through pipes, and what is left when one dies. The pool is made by hand.
import java.io.*;
import java.nio.MappedByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.*;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.AtomicInteger;

public class Main {
    static final int MEBIBYTE = 1 << 20;
    static final int NEXT = 0, COPIED = 1, SHARED = 2, NAP = 3, DIE = 4;

    interface Call { boolean isRight(int i) throws Exception; }

    static void touch(byte[] bytes) {
        bytes[0]++;
        bytes[bytes.length - 1]++;
    }

    static MappedByteBuffer map(Path file) throws IOException {
        try (var channel = FileChannel.open(file, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
            return channel.map(FileChannel.MapMode.READ_WRITE, 0, MEBIBYTE);
        }
    }

    /** What a worker does: a call is its kind, a number, and bytes behind their length; so is the answer. */
    static void work(Path file) throws Exception {
        var in = new DataInputStream(new BufferedInputStream(System.in, 1 << 16));
        var out = new DataOutputStream(new BufferedOutputStream(new FileOutputStream(FileDescriptor.out), 1 << 16));
        var shared = map(file);
        for (int kind; (kind = in.read()) >= 0;) {
            int n = in.readInt();
            byte[] bytes = in.readNBytes(in.readInt());
            switch (kind) {
                case NEXT -> n++;
                case COPIED -> touch(bytes);
                case SHARED -> {
                    shared.put(0, (byte) (shared.get(0) + 1));
                    shared.put(MEBIBYTE - 1, (byte) (shared.get(MEBIBYTE - 1) + 1));
                }
                case NAP -> Thread.sleep(n);
                case DIE -> {
                    Thread.sleep(20);
                    new ProcessBuilder("kill", "-KILL", "" + ProcessHandle.current().pid()).start().waitFor();
                }
            }
            out.writeInt(n);
            out.writeInt(bytes.length);
            out.write(bytes);
            out.flush();
        }
    }

    record Answer(int n, byte[] bytes) {}

    /** A process that answers one call at a time. */
    static class Worker {
        final Process process;
        final DataOutputStream out;
        final DataInputStream in;

        Worker(Path file) throws IOException {
            process = new ProcessBuilder(ProcessHandle.current().info().command().orElseThrow(), "-cp",
                System.getProperty("java.class.path"), "Main", "--worker", file.toString())
                .redirectError(ProcessBuilder.Redirect.INHERIT).start();
            out = new DataOutputStream(new BufferedOutputStream(process.getOutputStream(), 1 << 16));
            in = new DataInputStream(new BufferedInputStream(process.getInputStream(), 1 << 16));
        }

        Answer call(int kind, int n, byte[] bytes) throws IOException {
            out.write(kind);
            out.writeInt(n);
            out.writeInt(bytes.length);
            out.write(bytes);
            out.flush();
            return new Answer(in.readInt(), in.readNBytes(in.readInt()));
        }
    }

    /** Hands calls to workers that have none. If one dies its call fails, and another one takes its place. */
    static class Pool implements AutoCloseable {
        final BlockingQueue<Worker> free = new LinkedBlockingQueue<>();
        final AtomicInteger killed = new AtomicInteger();
        final Path file;
        final int size;

        Pool(int size, Path file) throws IOException {
            this.size = size;
            this.file = file;
            for (int i = 0; i < size; i++) free.add(new Worker(file));
        }

        Answer call(int kind, int n, byte[] bytes) throws Exception {
            Worker worker = free.take();
            try {
                return worker.call(kind, n, bytes);
            } catch (IOException e) {
                if (worker.process.waitFor() == 128 + 9) killed.incrementAndGet();
                worker = new Worker(file);
                throw e;
            } finally {
                free.add(worker);
            }
        }

        public void close() throws Exception {
            for (int i = 0; i < size; i++) {
                Worker worker = free.take();
                worker.out.close();
                worker.process.waitFor();
            }
        }
    }

    static final byte[] none = {};

    /** One call after the other. */
    static void timeCalls(Kit kit, String variant, int n, Call call) throws Exception {
        if (!kit.wants(variant)) return;
        if (!kit.quick) n *= 10;
        for (int i = 0; i < n / 10; i++) call.isRight(i);
        int right = 0;
        long start = System.nanoTime();
        for (int i = 0; i < n; i++) if (call.isRight(i)) right++;
        kit.emit(variant, n, "wall", (System.nanoTime() - start) / 1e3 / n, "us/call");
        kit.emit(variant, n, "check", right, "count");
    }

    static void timeAllCalls(Kit kit, Path file) throws Exception {
        try (var pool = new Pool(2, file); var threads = Executors.newFixedThreadPool(2)) {
            byte[] bytes = new byte[MEBIBYTE];
            timeCalls(kit, "call", 1000, i -> pool.call(NEXT, i, none).n == i + 1);
            timeCalls(kit, "copied", 30, i -> {
                bytes[0] = bytes[MEBIBYTE - 1] = (byte) i;
                byte[] seen = pool.call(COPIED, 0, bytes).bytes;
                return seen.length == MEBIBYTE && seen[0] == (byte) (i + 1) && seen[MEBIBYTE - 1] == (byte) (i + 1);
            });
            var shared = map(file);
            timeCalls(kit, "shared", 300, i -> {
                shared.put(0, (byte) i).put(MEBIBYTE - 1, (byte) i);
                pool.call(SHARED, 0, none);
                return shared.get(0) == (byte) (i + 1) && shared.get(MEBIBYTE - 1) == (byte) (i + 1);
            });
            timeCalls(kit, "thread", 1000, i -> {
                bytes[0] = bytes[MEBIBYTE - 1] = (byte) i;
                threads.submit(() -> touch(bytes)).get();
                return bytes[0] == (byte) (i + 1) && bytes[MEBIBYTE - 1] == (byte) (i + 1);
            });
        }
    }

    static void weighWorkers(Kit kit, Path file) throws Exception {
        if (!kit.wants("worker")) return;
        byte[] heap = new byte[64 * MEBIBYTE];
        Arrays.fill(heap, (byte) 1);
        try (var pool = new Pool(2, file); var threads = Executors.newFixedThreadPool(2)) {
            var naps = threads.invokeAll(Collections.nCopies(2, () -> pool.call(NAP, 20, none)));
            for (var nap : naps) nap.get();
            double[] own = new double[3];
            for (Worker worker : pool.free) {
                double[] kinds = Kit.ownKinds(worker.process.pid());
                for (int i = 0; i < 3; i++) own[i] += kinds[i];
            }
            kit.emitMemory("worker", 2, new double[3], own, "MiB/worker");
            kit.emit("worker", 2, "check", pool.free.size() + heap[0] - 1, "count");
        }
    }

    static void killAWorker(Kit kit, Path file) throws Exception {
        if (!kit.wants("death")) return;
        try (var pool = new Pool(2, file); var threads = Executors.newCachedThreadPool()) {
            long limit = kit.quick ? 2000 : 5000, start = System.nanoTime();
            double told = limit;
            var doomed = threads.submit(() -> pool.call(DIE, 0, none));
            var others = new ArrayList<Future<Answer>>();
            for (int i = 0; i < 7; i++) others.add(threads.submit(() -> pool.call(NAP, 50, none)));
            try {
                doomed.get(limit, TimeUnit.MILLISECONDS);
            } catch (ExecutionException e) {
                told = (System.nanoTime() - start) / 1e6;
            } catch (TimeoutException e) {
                // it hangs
            }
            for (int i = 0; i < 4; i++) others.add(threads.submit(() -> pool.call(NAP, 5, none)));
            int good = 0;
            for (var other : others) {
                try {
                    if (other.get() != null) good++;
                } catch (ExecutionException e) {
                    // it is lost
                }
            }
            kit.emit("death", 1, "lost", 100.0 * (11 - good) / 11, "%");
            kit.emit("death", 1, "told", told, "ms");
            kit.emit("death", 1, "check", pool.killed.get(), "count");
        }
    }

    public static void main(String[] args) throws Exception {
        if (args.length == 2 && args[0].equals("--worker")) {
            work(Path.of(args[1]));
            return;
        }
        var kit = new Kit("X17", args);
        Path file = Files.createTempFile(Path.of("/dev/shm"), "x17", null);
        try {
            Files.write(file, new byte[MEBIBYTE]);
            if (List.of("call", "copied", "shared", "thread").stream().anyMatch(kit::wants)) timeAllCalls(kit, file);
            weighWorkers(kit, file);
            killAWorker(kit, file);
        } finally {
            Files.delete(file);
        }
    }
}
