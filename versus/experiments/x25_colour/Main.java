// X25 in Java: what changes in a tree of calls when its leaf has to wait; and a comparator of qsort that sleeps.
import java.lang.foreign.*;
import java.lang.invoke.*;
import java.util.*;
import java.util.concurrent.*;

public class Main {
    static void compare(Kit kit) throws Exception {
        int leaves = 32;
        long old = before.Tree.report(1), start = System.nanoTime();
        long check = old + after.Tree.report(1);
        boolean waited = System.nanoTime() - start >= leaves * 1_000_000L;
        // How the sources differ says the program that counts for all languages.
        String folder = System.getenv("VERSUS_EXPERIMENT");
        var counter = new ProcessBuilder(System.getenv("VERSUS_LOAD"), folder + "/before/Tree.java", folder + "/after/Tree.java")
            .start();
        var said = new Scanner(counter.getInputStream());
        kit.emit("tree", leaves, "signatures", said.nextInt(), "functions");
        kit.emit("tree", leaves, "lines", said.nextInt(), "lines");
        kit.emit("tree", leaves, "check", waited ? check : 0, "count");
    }

    static final ValueLayout.OfInt INT = ValueLayout.JAVA_INT;
    static final AddressLayout TO_INT = ValueLayout.ADDRESS.withTargetLayout(INT);

    /** C calls it, so the virtual thread cannot leave its carrier meanwhile. */
    static int slowly(MemorySegment a, MemorySegment b) {
        try {
            Thread.sleep(1);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
        return a.get(INT, 0) - b.get(INT, 0);
    }

    static boolean sorts(MethodHandle qsort, MemorySegment comparator) {
        try (var arena = Arena.ofConfined()) {
            int[] numbers = {5, 3, 8, 1, 7, 2, 6, 4};
            var memory = arena.allocate(4L * numbers.length, 4);
            for (int i = 0; i < numbers.length; i++) memory.setAtIndex(INT, i, numbers[i]);
            qsort.invokeExact(memory, (long) numbers.length, 4L, comparator);
            for (int i = 0; i < numbers.length; i++)
                if (memory.getAtIndex(INT, i) != i + 1) return false;
            return true;
        } catch (Throwable e) {
            throw new IllegalStateException(e);
        }
    }

    static void sorting(Kit kit) throws Exception {
        var linker = Linker.nativeLinker();
        var size = ValueLayout.JAVA_LONG;
        var qsort = linker.downcallHandle(linker.defaultLookup().find("qsort").orElseThrow(),
            FunctionDescriptor.ofVoid(ValueLayout.ADDRESS, size, size, ValueLayout.ADDRESS));
        var handle = MethodHandles.lookup().findStatic(Main.class, "slowly",
            MethodType.methodType(int.class, MemorySegment.class, MemorySegment.class));
        var comparator = linker.upcallStub(handle, FunctionDescriptor.of(INT, TO_INT, TO_INT), Arena.global());
        sorts(qsort, comparator); // cold, it takes much longer
        int n = 32;
        double start = System.nanoTime(), threads;
        long right = 0;
        try (var tasks = Executors.newVirtualThreadPerTaskExecutor()) {
            var working = new ArrayList<Future<Boolean>>();
            for (int i = 0; i < n; i++) working.add(tasks.submit(() -> sorts(qsort, comparator)));
            Thread.sleep(3);
            threads = Kit.status("Threads");
            for (var each : working) right += each.get() ? 1 : 0;
        }
        kit.emit("qsort", n, "wall", (System.nanoTime() - start) / 1e6, "ms");
        kit.emit("qsort", n, "threads", threads, "threads");
        kit.emit("qsort", n, "check", right, "count");
    }

    public static void main(String[] args) throws Exception {
        var kit = new Kit("X25", args);
        if (kit.wants("tree")) Kit.inVirtualThread(() -> compare(kit));
        if (kit.wants("qsort")) sorting(kit);
    }
}
