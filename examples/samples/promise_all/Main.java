// Five jobs at once, and all results when the last one is there.
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;

class Main {
  // simulating an asynchronous job
  static int worker(int id, int job) throws InterruptedException {
    System.out.printf("Worker %d started job %d%n", id, job);
    Thread.sleep(100); // an I/O task, like a database query
    return job * 2;
  }

  public static void main(String[] args) throws Exception {
    try (var executor = Executors.newVirtualThreadPerTaskExecutor()) {
      List<Callable<Integer>> jobs = new ArrayList<>();
      for (int j = 1; j <= 5; j++) {
        final int job = j;
        jobs.add(() -> worker((job - 1) % 3 + 1, job)); // distributed across 3 simulated workers
      }
      for (var result : executor.invokeAll(jobs)) System.out.printf("Result processed: %d%n", result.get());
    }
  }
}
