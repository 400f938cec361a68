// A thread that says hello, and a pool of ten that is given work with a result.
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;

class Main {
  static String fetchData() throws InterruptedException {
    Thread.sleep(10);
    return "some data";
  }

  public static void main(String[] args) throws Exception {
    Thread t = new Thread(() -> System.out.println("Hello from thread"));
    t.start();
    t.join();

    try (ExecutorService pool = Executors.newFixedThreadPool(10)) {
      Future<String> future = pool.submit(() -> fetchData());
      System.out.println(future.get()); // blocks the calling thread
    }
  }
}
