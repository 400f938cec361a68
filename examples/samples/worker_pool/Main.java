// Three workers share five jobs.
import java.util.concurrent.ExecutorCompletionService;
import java.util.concurrent.Executors;

class Main {
  static int work(int job) throws InterruptedException {
    System.out.printf("Job %d started%n", job);
    Thread.sleep(100); // simulating an I/O task
    return job * 2;
  }

  public static void main(String[] args) throws Exception {
    try (var workers = Executors.newFixedThreadPool(3)) {
      var results = new ExecutorCompletionService<Integer>(workers);
      for (int j = 1; j <= 5; j++) {
        final int job = j;
        results.submit(() -> work(job));
      }
      for (int j = 1; j <= 5; j++) System.out.printf("Result processed: %d%n", results.take().get());
    }
  }
}
