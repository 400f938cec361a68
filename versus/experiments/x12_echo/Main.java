// X12 in Java: an echo server, a virtual thread a connection; and the JDK's HTTP server, a virtual thread a request.
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.*;
import java.util.concurrent.*;

public class Main {
    static void echo(Socket socket) {
        try (socket) {
            socket.setTcpNoDelay(true);
            var in = socket.getInputStream();
            var out = socket.getOutputStream();
            byte[] buffer = new byte[1024];
            for (int n; (n = in.read(buffer)) > 0;) out.write(buffer, 0, n);
        } catch (IOException e) {
            // the client is gone
        }
    }

    static void ask(Kit kit, String variant, int port, int connections, int busy) throws Exception {
        var clients = new ProcessBuilder(System.getenv("VERSUS_LOAD"), "" + ProcessHandle.current().pid(), "" + port, "X12", "java",
            variant, "" + connections, "" + busy, kit.quick ? "quick" : "full");
        if (clients.inheritIO().start().waitFor() != 0) System.exit(1);
    }

    static void serve(Kit kit, String variant, int connections, int busy) throws Exception {
        if (!kit.wants(variant)) return;
        try (var tasks = Executors.newVirtualThreadPerTaskExecutor();
             var listener = new ServerSocket(0, 65535, InetAddress.getLoopbackAddress())) {
            tasks.submit(() -> {
                for (;;) {
                    Socket socket = listener.accept();
                    tasks.submit(() -> echo(socket));
                }
            });
            ask(kit, variant, listener.getLocalPort(), connections, busy);
            listener.close();
        }
    }

    static void serveHttp(Kit kit, String variant, int connections, int busy) throws Exception {
        if (!kit.wants(variant)) return;
        try (var tasks = Executors.newVirtualThreadPerTaskExecutor()) {
            var server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 65535);
            server.setExecutor(tasks);
            server.createContext("/", exchange -> {
                byte[] body = exchange.getRequestURI().getPath().substring(1).getBytes();
                exchange.sendResponseHeaders(200, body.length);
                try (var out = exchange.getResponseBody()) {
                    out.write(body);
                }
            });
            server.start();
            ask(kit, variant, server.getAddress().getPort(), connections, busy);
            server.stop(0);
        }
    }

    public static void main(String[] args) throws Exception {
        var kit = new Kit("X12", args);
        serve(kit, "busy1000", 1000, 1000);
        serve(kit, "conns100", 100, 10);
        serve(kit, "conns1000", 1000, 100);
        serve(kit, "conns10000", 10000, 1000);
        serve(kit, "conns11000", 11000, 1000);
        // Else it closes connections that are idle once it has 200 of them.
        System.setProperty("sun.net.httpserver.maxIdleConnections", "20000");
        serveHttp(kit, "http100", 100, 10);
        serveHttp(kit, "http1000", 1000, 100);
        serveHttp(kit, "http10000", 10000, 1000);
    }
}
