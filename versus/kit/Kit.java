// Kit: times one variant of an experiment and prints the result as JSON lines, for Java.
// The same measure, in the same steps, exists for every runtime: see ../README.md.
// The JDK's own process clock counts in steps of 10 ms, so the processor time comes from clock_gettime.
import java.io.IOException;
import java.lang.foreign.*;
import java.lang.invoke.MethodHandle;
import java.nio.file.*;
import java.util.*;

public final class Kit {
    public interface Work { long run(int rounds) throws Exception; }
    public interface Body { void run() throws Exception; }

    public final boolean quick;
    private final String exp, suffix;
    private final Set<String> wanted = new HashSet<>();

    /** Reads the command line: [--quick] [--processors N] [variant...] */
    public Kit(String exp, String[] args) {
        String at = "@all";
        boolean q = false;
        for (int i = 0; i < args.length; i++) {
            if (args[i].equals("--quick")) q = true;
            else if (args[i].equals("--processors")) at = args[++i].equals("0") ? "@all" : "@" + args[i];
            else wanted.add(args[i]);
        }
        this.exp = exp;
        suffix = at;
        quick = q;
    }

    public boolean wants(String variant) { return wanted.isEmpty() || wanted.contains(variant); }

    public void emit(String variant, long n, String metric, double value, String unit) {
        System.out.println("{\"exp\":\"" + exp + "\",\"rt\":\"java\",\"variant\":\"" + variant + suffix
            + "\",\"n\":" + n + ",\"metric\":\"" + metric + "\",\"value\":" + value + ",\"unit\":\"" + unit + "\"}");
    }

    /**
     * How late the ticks of a plan were, over time: tick i was due i + 1 periods after the start and ran late[i] after
     * that (microseconds, not sorted). The time until the last ran is cut in 300 slots, and the latest tick of each is kept.
     */
    public void emitLateness(String variant, double[] late, double period) {
        int slots = 300;
        double span = 0;
        double[] at = new double[slots], most = new double[slots];
        Arrays.fill(most, -1);
        for (int i = 0; i < late.length; i++) span = Math.max(span, (i + 1) * period + late[i]);
        for (int i = 0; i < late.length; i++) {
            double ran = (i + 1) * period + late[i];
            int slot = Math.min(slots - 1, (int) (ran / span * slots));
            if (late[i] < 0 || late[i] <= most[slot]) continue;
            at[slot] = ran;
            most[slot] = late[i];
        }
        var pairs = new StringJoiner(",");
        for (int i = 0; i < slots; i++)
            if (most[i] >= 0) pairs.add("[" + Math.round(at[i]) + "," + Math.round(most[i]) + "]");
        if (pairs.length() == 0) return;
        System.out.println("{\"exp\":\"" + exp + "\",\"rt\":\"java\",\"variant\":\"" + variant + suffix
            + "\",\"n\":" + late.length + ",\"metric\":\"late\",\"unit\":\"us\",\"series\":[" + pairs + "]}");
    }

    /**
     * Times work.run(rounds) in a virtual thread, where a round is `per` operations, and lets rounds grow
     * until a sample is long enough and the JIT compiler has had time. The work returns a count or a sum.
     */
    public void measure(String variant, int per, Work work) throws Exception {
        if (!wants(variant)) return;
        inVirtualThread(() -> {
            double target = quick ? 100e6 : 200e6, warm = quick ? 400e6 : 1200e6, spent = 0;
            boolean calibrated = false;
            for (int rounds = 1;;) {
                double cpu = cpu(), start = System.nanoTime();
                long check = work.run(rounds);
                double wall = System.nanoTime() - start, spentCpu = cpu() - cpu, n = (double) rounds * per;
                if (calibrated || (wall >= 4 * target && spent >= warm)) {
                    emit(variant, (long) n, "cpu", spentCpu / n, "ns/op");
                    emit(variant, (long) n, "wall", wall / n, "ns/op");
                    emit(variant, (long) n, "check", check, "count");
                    return;
                }
                spent += spentCpu; // not wall time: on a busy machine the compiler waits too
                if (wall < target / 8) rounds *= wall < target / 64 ? 8 : 2;
                else if (spent >= warm) { rounds = 1 + (int) (rounds * target / wall); calibrated = true; }
            }
        });
    }

    /** Runs the body in a virtual thread and waits for it; its exception is the caller's. */
    public static void inVirtualThread(Body body) throws Exception {
        Throwable[] failure = new Throwable[1];
        Thread.startVirtualThread(() -> {
            try {
                body.run();
            } catch (Throwable e) {
                failure[0] = e;
            }
        }).join();
        if (failure[0] != null) throw new Exception(failure[0]);
    }

    /** Starts a virtual thread whose body may throw. */
    public static Thread go(Body body) {
        return Thread.startVirtualThread(() -> {
            try {
                body.run();
            } catch (Exception e) {
                throw new RuntimeException(e);
            }
        });
    }

    private static final MethodHandle clock = Linker.nativeLinker().downcallHandle(
        Linker.nativeLinker().defaultLookup().find("clock_gettime").orElseThrow(),
        FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_INT, ValueLayout.ADDRESS));
    private static final MemorySegment timespec = Arena.global().allocate(16, 8);

    /** Processor time of the whole process, user and system, in nanoseconds. */
    public static synchronized double cpu() {
        try {
            int failed = (int) clock.invokeExact(2 /* CLOCK_PROCESS_CPUTIME_ID */, timespec);
            if (failed != 0) throw new IllegalStateException("clock_gettime");
        } catch (Throwable e) {
            throw new RuntimeException(e);
        }
        return timespec.get(ValueLayout.JAVA_LONG, 0) * 1e9 + timespec.get(ValueLayout.JAVA_LONG, 8);
    }

    /** One field of /proc/self/status: VmRSS and its like in bytes, Threads as it is. */
    public static double status(String key) throws IOException { return sumOf("/proc/self/status", key + ":"); }

    /** The sum of the fields of a file in /proc whose names begin so, those in kB as bytes. */
    private static double sumOf(String file, String prefix) throws IOException {
        double sum = 0;
        for (String line : Files.readAllLines(Path.of(file)))
            if (line.startsWith(prefix)) {
                String[] words = line.substring(line.indexOf(':') + 1).trim().split("\\s+");
                sum += Double.parseDouble(words[0]) * (words.length > 1 ? 1024 : 1);
            }
        return sum;
    }

    /** What another process has for itself, by kind, in MiB: pages that it shares with nobody, page tables, kernel stacks. */
    public static double[] ownKinds(long process) throws IOException {
        String at = "/proc/" + process + "/";
        return new double[] {sumOf(at + "smaps_rollup", "Private_") / (1 << 20), sumOf(at + "status", "VmPTE:") / (1 << 20),
            16384 * sumOf(at + "status", "Threads:") / (1 << 20)};
    }

    /** What the process occupies: pages, page tables, and 16 KiB of kernel stack for each thread. */
    public static double resident() throws IOException {
        return status("VmRSS") + status("VmPTE") + 16384 * status("Threads");
    }

    /** The same by kind: resident pages (stacks and heap), page tables, kernel stacks. */
    public static double[] residentKinds() throws IOException {
        return new double[] {status("VmRSS"), status("VmPTE"), 16384 * status("Threads")};
    }

    /** What n tasks occupy, from residentKinds() before and after: the figure, and what it consists of. */
    public void emitMemory(String variant, long n, double[] before, double[] after, String unit) {
        double pages = (after[0] - before[0]) / n, tables = (after[1] - before[1]) / n;
        double kernel = (after[2] - before[2]) / n;
        emit(variant, n, "memory", pages + tables + kernel, unit);
        System.out.println("{\"exp\":\"" + exp + "\",\"rt\":\"java\",\"variant\":\"" + variant + suffix
            + "\",\"n\":" + n + ",\"metric\":\"memory\",\"unit\":\"" + unit + "\",\"parts\":{\"pages\":" + pages
            + ",\"page tables\":" + tables + ",\"kernel stacks\":" + kernel + "}}");
    }

    /** The most that it has occupied so far. */
    public static double peak() throws IOException {
        return status("VmHWM") + status("VmPTE") + 16384 * status("Threads");
    }

    /** resident() after garbage has been collected, once it stands still. */
    public static double settled() throws Exception {
        for (double last = Double.NEGATIVE_INFINITY;;) {
            System.gc();
            Thread.sleep(20);
            double now = resident();
            if (Math.abs(now - last) <= 128 * 1024) return now;
            last = now;
        }
    }
}
