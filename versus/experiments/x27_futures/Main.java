// X27 in Java: what CompletableFuture costs: a link of a chain of continuations, starting a task and awaiting it, waiting for many.
import java.util.concurrent.CompletableFuture;

public class Main {
    /** A chain of a thousand continuations on a future that is then completed. */
    static long chain(int rounds) {
        long sum = 0;
        for (int r = 0; r < rounds; r++) {
            var first = new CompletableFuture<Long>();
            CompletableFuture<Long> last = first;
            for (int i = 0; i < 1000; i++) last = last.thenApplyAsync(n -> n + 1);
            first.complete(0L);
            sum += last.join();
        }
        return sum;
    }

    /** The same with continuations that run in who completes. */
    static long chainInline(int rounds) {
        long sum = 0;
        for (int r = 0; r < rounds; r++) {
            var first = new CompletableFuture<Long>();
            CompletableFuture<Long> last = first;
            for (int i = 0; i < 1000; i++) last = last.thenApply(n -> n + 1);
            first.complete(0L);
            sum += last.join();
        }
        return sum;
    }

    /** One continuation of a future that is completed already, and wait for it. */
    static long link(int rounds) {
        long sum = 0;
        for (int r = 0; r < rounds; r++) sum += CompletableFuture.completedFuture(0L).thenApplyAsync(n -> n + 1).join();
        return sum;
    }

    /** Start a task, wait for its result. */
    static long start(int rounds) {
        long sum = 0;
        for (int r = 0; r < rounds; r++) sum += CompletableFuture.supplyAsync(() -> 1L).join();
        return sum;
    }

    /** Start a thousand, wait for all results at once. */
    @SuppressWarnings({"unchecked", "rawtypes"})
    static long every(int rounds) {
        long sum = 0;
        for (int r = 0; r < rounds; r++) {
            var tasks = new CompletableFuture[1000];
            for (int i = 0; i < 1000; i++) tasks[i] = CompletableFuture.supplyAsync(() -> 1L);
            CompletableFuture.allOf(tasks).join();
            for (CompletableFuture t : tasks) sum += (Long) t.join();
        }
        return sum;
    }

    /** supplyAsync, thenApply, thenCompose, join. */
    static long compose(int rounds) {
        long sum = 0;
        for (int r = 0; r < rounds; r++)
            sum += CompletableFuture.supplyAsync(() -> 0L)
                    .thenApply(n -> n + 1)
                    .thenCompose(n -> CompletableFuture.supplyAsync(() -> n))
                    .join();
        return sum;
    }

    public static void main(String[] args) throws Exception {
        var kit = new Kit("X27", args);
        kit.measure("chain", 1000, Main::chain);
        kit.measure("inline", 1000, Main::chainInline);
        kit.measure("link", 1, Main::link);
        kit.measure("start", 1, Main::start);
        kit.measure("all", 1000, Main::every);
        kit.measure("compose", 1, Main::compose);
    }
}
