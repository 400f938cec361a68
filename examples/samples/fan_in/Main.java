// Three look-ups at once, which put what they find into one queue.
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;

class Main {
  record User(int id, String name) {}

  static User findUser(int id) throws InterruptedException {
    Thread.sleep(10); // a query
    return new User(id, "user " + id);
  }

  static void fetchUser(int id, BlockingQueue<User> queue) {
    try {
      queue.put(findUser(id));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  static List<User> getUsers(List<Integer> ids) throws InterruptedException {
    var queue = new ArrayBlockingQueue<User>(ids.size());
    for (int id : ids) Thread.startVirtualThread(() -> fetchUser(id, queue));
    List<User> users = new ArrayList<>();
    for (int i = 0; i < ids.size(); i++) users.add(queue.take());
    return users;
  }

  public static void main(String[] args) throws InterruptedException {
    for (User u : getUsers(List.of(1, 2, 3))) System.out.printf("%d: %s%n", u.id(), u.name());
  }
}
