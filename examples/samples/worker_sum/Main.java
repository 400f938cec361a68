// A worker that is given an array, and sends its sum back.
import java.util.concurrent.SynchronousQueue;
import java.util.stream.IntStream;

class Main {
  public static void main(String[] args) throws InterruptedException {
    var messages = new SynchronousQueue<Integer>();
    int[] workerData = {1, 2, 3, 4, 5};
    Thread.ofPlatform().start(() -> {
      try {
        messages.put(IntStream.of(workerData).sum());
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
    });
    System.out.println("Result: " + messages.take());
  }
}
