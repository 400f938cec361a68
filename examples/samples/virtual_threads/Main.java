// A hundred thousand tasks, each of which blocks for a while, and plain code in each.
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.atomic.AtomicInteger;

class Main {
  static final AtomicInteger answered = new AtomicInteger();

  static int request() throws InterruptedException {
    Thread.sleep(100); // blocks (but cheap)
    return answered.incrementAndGet();
  }

  public static void main(String[] args) {
    try (ExecutorService exec = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int i = 0; i < 100_000; i++) exec.submit(Main::request);
    }
    System.out.println(answered + " requests");
  }
}
