// A chain of asynchronous steps with one handler for its errors, and three that are waited for together.
import java.util.concurrent.CompletableFuture;
import java.util.stream.Collectors;
import java.util.stream.Stream;

class Main {
  record User(int id, String name, int orders) {}

  static User fetchUser(int id) {
    try {
      Thread.sleep(10);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    if (id < 0) throw new IllegalArgumentException("no user has a negative number");
    return new User(id, "user " + id, 0);
  }

  static User enrichUser(User user) {
    return new User(user.id, user.name + " (enriched)", user.orders);
  }

  static CompletableFuture<User> fetchOrders(User user) {
    return CompletableFuture.supplyAsync(() -> new User(user.id, user.name, 2));
  }

  public static void main(String[] args) {
    for (int id : new int[] {7, -7}) {
      CompletableFuture<User> userFuture = CompletableFuture
          .supplyAsync(() -> fetchUser(id))           // run async
          .thenApply(user -> enrichUser(user))        // transform
          .thenCompose(user -> fetchOrders(user))     // chain async
          .exceptionally(ex -> new User(0, "nobody", 0)); // error handling
      User user = userFuture.join();
      System.out.printf("%s, %d orders%n", user.name, user.orders);
    }
    // combining
    var three = Stream.of(1, 2, 3).map(id -> CompletableFuture.supplyAsync(() -> fetchUser(id))).toList();
    CompletableFuture.allOf(three.toArray(new CompletableFuture<?>[0])).join();
    System.out.println(three.stream().map(user -> user.join().name()).collect(Collectors.joining(", ")));
  }
}
