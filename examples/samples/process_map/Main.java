// Four computations at once, and then one whose result is waited for. Threads run on all CPUs: no process is needed.
import java.util.Collections;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.stream.LongStream;

class Main {
  static long cpuWork(long x) {
    return LongStream.range(0, x).map(i -> i * i).sum();
  }

  public static void main(String[] args) throws Exception {
    try (var pool = Executors.newFixedThreadPool(4)) {
      Callable<Long> work = () -> cpuWork(1_000_000);
      for (var result : pool.invokeAll(Collections.nCopies(4, work))) System.out.println(result.get());
      System.out.println("awaited: " + pool.submit(() -> cpuWork(1_000)).get());
    }
  }
}
