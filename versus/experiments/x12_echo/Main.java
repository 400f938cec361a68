// X12 in Java: an echo server, a virtual thread a connection.
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
            var clients = new ProcessBuilder(System.getenv("VERSUS_LOAD"), "" + ProcessHandle.current().pid(),
                "" + listener.getLocalPort(), "X12", "java", variant, "" + connections, "" + busy, kit.quick ? "quick" : "full");
            if (clients.inheritIO().start().waitFor() != 0) System.exit(1);
            listener.close();
        }
    }

    public static void main(String[] args) throws Exception {
        var kit = new Kit("X12", args);
        serve(kit, "busy1000", 1000, 1000);
        serve(kit, "conns100", 100, 10);
        serve(kit, "conns1000", 1000, 100);
        serve(kit, "conns10000", 10000, 1000);
    }
}
