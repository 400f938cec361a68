// Users are fetched by HTTP, all at once, over connections that are kept.
import com.sun.net.httpserver.HttpServer;
import java.net.InetSocketAddress;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.Executors;

class Main {
  static CompletableFuture<String> fetchUser(HttpClient session, String site, int id) {
    var request = HttpRequest.newBuilder(URI.create(site + "/users/" + id)).build();
    return session.sendAsync(request, BodyHandlers.ofString()).thenApply(response -> response.body());
  }

  static List<String> getUsers(HttpClient session, String site, List<Integer> ids) {
    var users = ids.stream().map(id -> fetchUser(session, site, id)).toList();
    return users.stream().map(CompletableFuture::join).toList();
  }

  public static void main(String[] args) throws Exception {
    // Answers when three have asked: who asks for one after the other waits for ever.
    var three = new CountDownLatch(3);
    var server = HttpServer.create(new InetSocketAddress("127.0.0.1", 0), 0);
    server.createContext("/users/", exchange -> {
      three.countDown();
      try {
        three.await();
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
      }
      byte[] body = ("{\"id\":" + exchange.getRequestURI().getPath().substring(7) + "}").getBytes();
      exchange.getResponseHeaders().set("Content-Type", "application/json");
      exchange.sendResponseHeaders(200, body.length);
      exchange.getResponseBody().write(body);
      exchange.close();
    });
    try (var executor = Executors.newVirtualThreadPerTaskExecutor(); var session = HttpClient.newHttpClient()) {
      server.setExecutor(executor);
      server.start();
      for (var user : getUsers(session, "http://127.0.0.1:" + server.getAddress().getPort(), List.of(1, 2, 3)))
        System.out.println(user);
      server.stop(0);
    }
  }
}
