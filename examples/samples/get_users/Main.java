// The N+1 queries, three ways: one after the other, all at once, ten at a time.
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.Executors;
import java.util.concurrent.Semaphore;
import java.util.stream.IntStream;

class Main {
  static String findUser(int id) throws InterruptedException {
    Thread.sleep(10); // a query
    return "user " + id;
  }

  // Bad: sequential.
  static List<String> getUsersBad(List<Integer> ids) throws Exception {
    List<String> users = new ArrayList<>();
    for (int id : ids) users.add(findUser(id));
    return users;
  }

  // Good: all at once.
  static List<String> getUsersGood(List<Integer> ids) throws Exception {
    return getUsersLimited(ids, ids.size());
  }

  // Best: ten at a time.
  static List<String> getUsersBest(List<Integer> ids) throws Exception {
    return getUsersLimited(ids, 10);
  }

  static List<String> getUsersLimited(List<Integer> ids, int limit) throws Exception {
    var permits = new Semaphore(limit);
    List<Callable<String>> tasks = new ArrayList<>();
    for (int id : ids)
      tasks.add(() -> {
        permits.acquire();
        try {
          return findUser(id);
        } finally {
          permits.release();
        }
      });
    List<String> users = new ArrayList<>();
    try (var executor = Executors.newVirtualThreadPerTaskExecutor()) {
      for (var user : executor.invokeAll(tasks)) users.add(user.get());
    }
    return users;
  }

  interface Way {
    List<String> getUsers(List<Integer> ids) throws Exception;
  }

  static void show(String how, long least, Way way) throws Exception {
    var ids = IntStream.rangeClosed(1, 100).boxed().toList();
    long began = System.nanoTime();
    var users = way.getUsers(ids);
    String soon = System.nanoTime() - began < least * 1_000_000 ? ", but too soon" : "";
    System.out.printf("%s: %d users, the last is %s%s%n", how, users.size(), users.get(users.size() - 1), soon);
  }

  public static void main(String[] args) throws Exception {
    show("one after the other", 1000, Main::getUsersBad);
    show("all at once", 10, Main::getUsersGood);
    show("ten at a time", 100, Main::getUsersBest);
  }
}
