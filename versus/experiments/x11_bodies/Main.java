// X11 in Java: a server that parses small and large bodies, with the JDK's HTTP server, a virtual thread a request. The JDK has no
// JSON: 80 lines read it.
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.IOException;
import java.net.*;
import java.nio.charset.StandardCharsets;
import java.util.*;
import java.util.concurrent.*;

public class Main {
    /** Objects are maps, arrays lists, numbers doubles. */
    static final class Json {
        private final String text;
        private int at;

        private Json(String text) { this.text = text; }

        static Object parse(String text) {
            var json = new Json(text);
            Object value = json.value();
            if (json.next() != '\0') throw json.refuse();
            return value;
        }
        private IllegalArgumentException refuse() { return new IllegalArgumentException("no JSON at " + at); }
        private char next() { // behind white space, not taken; 0: the end
            while (at < text.length() && " \t\r\n".indexOf(text.charAt(at)) >= 0) at++;
            return at < text.length() ? text.charAt(at) : '\0';
        }
        private void expect(char c) {
            if (next() != c) throw refuse();
            at++;
        }
        private Object word(String word, Object value) {
            if (!text.startsWith(word, at)) throw refuse();
            at += word.length();
            return value;
        }
        private Object value() {
            return switch (next()) {
                case '{' -> object();
                case '[' -> array();
                case '"' -> string();
                case 't' -> word("true", true);
                case 'f' -> word("false", false);
                case 'n' -> word("null", null);
                default -> number();
            };
        }
        private Map<String, Object> object() {
            var out = new HashMap<String, Object>();
            expect('{');
            if (next() != '}') {
                for (;; at++) {
                    if (next() != '"') throw refuse();
                    String name = string();
                    expect(':');
                    out.put(name, value());
                    if (next() != ',') break;
                }
            }
            expect('}');
            return out;
        }
        private List<Object> array() {
            var out = new ArrayList<Object>();
            expect('[');
            if (next() != ']') {
                for (;; at++) {
                    out.add(value());
                    if (next() != ',') break;
                }
            }
            expect(']');
            return out;
        }
        private String string() {
            int begin = ++at;
            StringBuilder out = null; // from the first escape on
            for (; at < text.length(); at++) {
                char c = text.charAt(at);
                if (c == '"') {
                    at++;
                    return out == null ? text.substring(begin, at - 1) : out.toString();
                }
                if (c < ' ') throw refuse();
                if (c == '\\') {
                    if (out == null) out = new StringBuilder(text.substring(begin, at));
                    c = escaped();
                }
                if (out != null) out.append(c);
            }
            throw refuse();
        }
        private char escaped() {
            int which = ++at < text.length() ? "\"\\/bfnrtu".indexOf(text.charAt(at)) : -1;
            if (which < 0) throw refuse();
            if (which < 8) return "\"\\/\b\f\n\r\t".charAt(which);
            if (at + 4 >= text.length()) throw refuse();
            at += 4;
            return (char) HexFormat.fromHexDigits(text, at - 3, at + 1);
        }
        private boolean digits() {
            int begin = at;
            while (at < text.length() && text.charAt(at) >= '0' && text.charAt(at) <= '9') at++;
            return at > begin;
        }
        private boolean is(char c) { return at < text.length() && text.charAt(at) == c; }
        private Double number() {
            int begin = at;
            if (is('-')) at++;
            if (is('0')) at++;
            else if (!digits()) throw refuse();
            if (is('.')) {
                at++;
                if (!digits()) throw refuse();
            }
            if (is('e') || is('E')) {
                at++;
                if (is('+') || is('-')) at++;
                if (!digits()) throw refuse();
            }
            return Double.valueOf(text.substring(begin, at));
        }
    }

    static void count(HttpExchange exchange) throws IOException {
        String text = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
        var persons = (List<?>) Json.parse(text);
        long ages = 0;
        for (Object person : persons) ages += ((Double) ((Map<?, ?>) person).get("age")).longValue();
        byte[] body = ("{\"persons\":" + persons.size() + ",\"ages\":" + ages + "}").getBytes();
        exchange.getResponseHeaders().set("Content-Type", "application/json");
        exchange.sendResponseHeaders(200, body.length);
        try (var out = exchange.getResponseBody()) {
            out.write(body);
        }
    }

    static void serve(Kit kit, String variant, int bodies) throws Exception {
        if (!kit.wants(variant)) return;
        try (var tasks = Executors.newVirtualThreadPerTaskExecutor()) {
            var server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 65535);
            server.setExecutor(tasks);
            server.createContext("/", Main::count);
            server.start();
            var clients = new ProcessBuilder(System.getenv("VERSUS_LOAD"), "" + server.getAddress().getPort(), "java",
                variant + "@all", "" + bodies, kit.quick ? "quick" : "full");
            if (clients.inheritIO().start().waitFor() != 0) System.exit(1);
            server.stop(0);
        }
    }

    public static void main(String[] args) throws Exception {
        System.setProperty("sun.net.httpserver.nodelay", "true"); // else each answer waits 40 ms for an acknowledgement
        System.setProperty("sun.net.httpserver.maxIdleConnections", "20000"); // else it closes those beyond 200
        var kit = new Kit("X11", args);
        serve(kit, "alone", 0);
        serve(kit, "one", 1);
        serve(kit, "each", Runtime.getRuntime().availableProcessors());
    }
}
