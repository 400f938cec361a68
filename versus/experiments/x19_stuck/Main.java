// X19 in Java: programs that are stuck in virtual threads, each in a process of its own; what are we told?
import java.io.*;
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.locks.*;
import java.util.regex.*;

public class Main {
    // Announces the line that it is called in: of a task that is going to be stuck.
    static void place() {
        System.out.println("place " + new Throwable().getStackTrace()[1].getLineNumber());
    }

    static void lockBoth(Lock first, Lock second, CountDownLatch both) throws Exception {
        first.lock();
        both.countDown();
        both.await();
        place(); second.lock();
    }

    static List<Thread> startRing() {
        Lock a = new ReentrantLock(), b = new ReentrantLock();
        var both = new CountDownLatch(2);
        return List.of(Kit.go(() -> lockBoth(a, b, both)), Kit.go(() -> lockBoth(b, a, both)));
    }

    static List<Thread> startHundred() throws Exception {
        var c = new SynchronousQueue<Integer>();
        var tasks = new ArrayList<Thread>();
        for (int i = 0; i < 100; i++) {
            boolean first = i == 0;
            tasks.add(Kit.go(() -> {
                if (first) place();
                c.take();
            }));
        }
        for (int i = 0; i < 97; i++) c.put(i);
        return tasks;
    }

    static void joinAll(List<Thread> tasks) throws Exception {
        for (Thread t : tasks) t.join();
    }

    static void tick(long ms) throws Exception {
        for (long end = System.nanoTime() + ms * 1_000_000; System.nanoTime() < end;) Thread.sleep(10);
    }

    static final Map<String, Kit.Body> cases = new LinkedHashMap<>();

    static {
        cases.put("close", () -> {
            var c = new LinkedBlockingQueue<Integer>();
            Thread consumer = Kit.go(() -> {
                place(); while (c.take() > 0) {}
            });
            c.put(1); // and nothing that says it was the last
            consumer.join();
        });
        cases.put("group", () -> {
            var all = new CountDownLatch(4);
            for (int i = 0; i < 3; i++) Kit.go(all::countDown);
            place(); all.await();
        });
        cases.put("promise", () -> {
            place(); new CompletableFuture<Integer>().join();
        });
        cases.put("locks", () -> joinAll(startRing()));
        cases.put("ring", () -> {
            startRing();
            tick(3_600_000);
        });
        cases.put("hundred", () -> joinAll(startHundred()));
        cases.put("leak", () -> {
            startHundred();
            tick(300);
        });
    }

    static final Pattern told = Pattern.compile("deadlock|unsettled|never ended|still wait", Pattern.CASE_INSENSITIVE);
    static final Pattern what = Pattern.compile("\\b(receive|mutex|lock|wait_?group|latch|future|promise|queue)\\b", Pattern.CASE_INSENSITIVE);

    record Seen(double missing, double ms, int planted) {}

    // Facts that the program did not tell, in percent; ms until it told, or ended, or was given up; whether it was stuck.
    static Seen watch(String name, long limit) throws Exception {
        Process child = new ProcessBuilder(ProcessHandle.current().info().command().orElseThrow(), "-cp",
            System.getProperty("java.class.path"), "Main", "--plant", name).redirectErrorStream(true).start();
        var places = new TreeSet<String>();
        var text = new StringBuilder();
        double ms = 0;
        long begin = System.nanoTime();
        try (var killer = Executors.newSingleThreadScheduledExecutor(); var lines = child.inputReader()) {
            boolean[] given = {false};
            Future<?> over = killer.schedule(child::destroyForcibly, limit + 10_000, TimeUnit.MILLISECONDS);
            for (String line; (line = lines.readLine()) != null;) {
                if (line.startsWith("place ")) {
                    if (places.isEmpty()) {
                        begin = System.nanoTime();
                        over.cancel(false);
                        killer.schedule(() -> {
                            given[0] = true;
                            child.destroyForcibly();
                        }, limit, TimeUnit.MILLISECONDS);
                    }
                    places.add(line.substring(6));
                } else {
                    text.append(line).append('\n');
                }
                if (ms == 0 && told.matcher(text).find()) ms = (System.nanoTime() - begin) / 1e6;
            }
            if (ms == 0) ms = given[0] ? limit : (System.nanoTime() - begin) / 1e6;
            killer.shutdownNow();
        }
        child.waitFor();
        boolean isTold = told.matcher(text).find();
        boolean where = !places.isEmpty() && places.stream().allMatch(n -> text.indexOf("Main.java:" + n) >= 0);
        int facts = isTold ? 1 + (what.matcher(text).find() ? 1 : 0) + (where ? 1 : 0) : 0;
        return new Seen(100.0 * (3 - facts) / 3, ms, Math.min(places.size(), 1));
    }

    public static void main(String[] args) throws Exception {
        if (args.length == 2 && args[0].equals("--plant")) {
            Kit.inVirtualThread(cases.get(args[1]));
            return;
        }
        var kit = new Kit("X19", args);
        long limit = kit.quick ? 3000 : 10_000;
        var watchers = new ArrayList<Thread>();
        for (String name : cases.keySet())
            if (kit.wants(name))
                watchers.add(Thread.ofPlatform().start(() -> {
                    try {
                        Seen seen = watch(name, limit);
                        synchronized (kit) {
                            kit.emit(name, 1, "missing", seen.missing, "%");
                            kit.emit(name, 1, "time", seen.ms, "ms");
                            kit.emit(name, 1, "check", seen.planted, "count");
                        }
                    } catch (Exception e) {
                        throw new RuntimeException(e);
                    }
                }));
        joinAll(watchers);
    }
}
