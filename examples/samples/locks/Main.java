// Three ways to count safely: a lock for a block, a lock that is tried for a while, and an atomic.
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.ReentrantLock;

class Main {
  static int guarded = 0, tried = 0;
  static final ReentrantLock lock = new ReentrantLock();
  static final AtomicInteger counter = new AtomicInteger(0);

  static Void count() throws InterruptedException {
    for (int n = 0; n < 1_000; n++) {
      synchronized (Main.class) {
        guarded++;
      }
      while (!lock.tryLock(100, TimeUnit.MILLISECONDS)) {}
      try {
        tried++;
      } finally {
        lock.unlock();
      }
      counter.incrementAndGet(); // CAS, no lock
    }
    return null;
  }

  public static void main(String[] args) {
    try (var four = Executors.newVirtualThreadPerTaskExecutor()) {
      for (int i = 0; i < 4; i++) four.submit(Main::count);
    }
    System.out.println(guarded + " " + tried + " " + counter);
  }
}
