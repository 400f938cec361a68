// X10 in Java: a hundred queries of 10 ms in virtual threads, one after the other, all at once, ten at a time.
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
import java.util.stream.*;

public class Main {
    interface Ways { List<Integer> getUsers(List<Integer> ids) throws Exception; }

    static final AtomicInteger underWay = new AtomicInteger(), most = new AtomicInteger();

    static int findUser(int id) throws InterruptedException {
        most.accumulateAndGet(underWay.incrementAndGet(), Math::max);
        Thread.sleep(10);
        underWay.decrementAndGet();
        return id;
    }

    static List<Integer> one(List<Integer> ids) throws Exception {
        var users = new ArrayList<Integer>();
        for (int id : ids) users.add(findUser(id));
        return users;
    }

    static List<Integer> inAll(List<Integer> ids, int limit) throws Exception {
        var places = new Semaphore(limit);
        try (var executor = Executors.newVirtualThreadPerTaskExecutor()) {
            var calls = ids.stream().map(id -> (Callable<Integer>) () -> {
                places.acquire();
                try { return findUser(id); } finally { places.release(); }
            }).toList();
            var users = new ArrayList<Integer>();
            for (var f : executor.invokeAll(calls)) users.add(f.get());
            return users;
        }
    }

    static void measure(Kit kit, String variant, Ways ways) throws Exception {
        if (!kit.wants(variant)) return;
        var ids = IntStream.range(0, 100).boxed().toList();
        most.set(0);
        double cpu = Kit.cpu();
        long start = System.nanoTime();
        var users = ways.getUsers(ids);
        kit.emit(variant, 100, "wall", (System.nanoTime() - start) / 1e6, "ms");
        kit.emit(variant, 100, "cpu", (Kit.cpu() - cpu) / 1e3 / 100, "us/query");
        kit.emit(variant, 100, "peak", most.get(), "queries");
        kit.emit(variant, 100, "check", users.equals(ids) ? 100 : 0, "count");
    }

    public static void main(String[] args) throws Exception {
        var kit = new Kit("X10", args);
        Kit.inVirtualThread(() -> {
            measure(kit, "one", Main::one);
            measure(kit, "every", ids -> inAll(ids, ids.size()));
            measure(kit, "ten", ids -> inAll(ids, 10));
        });
    }
}
