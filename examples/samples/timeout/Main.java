// The first of several answers, or a timeout.
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.TimeUnit;

class Main {
  static void mirror(String name, long takes, LinkedBlockingQueue<String> answers) {
    Thread.startVirtualThread(() -> {
      try {
        Thread.sleep(takes);
        answers.put(name);
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    });
  }

  // Asks two mirrors and takes the answer that comes first.
  static String ask(long firstTakes, long secondTakes) throws InterruptedException {
    var answers = new LinkedBlockingQueue<String>(); // room for the answer that nobody waits for any more
    mirror("first mirror", firstTakes, answers);
    mirror("second mirror", secondTakes, answers);
    String answer = answers.poll(300, TimeUnit.MILLISECONDS);
    return answer != null ? answer : "timeout";
  }

  public static void main(String[] args) throws InterruptedException {
    long hour = 3_600_000;
    System.out.println(ask(5, 250));
    System.out.println(ask(250, 5));
    System.out.println(ask(hour, hour));
  }
}
