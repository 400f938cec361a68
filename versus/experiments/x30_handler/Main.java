// X30 in Java: the article's handler, with the JDK's HTTP server, a virtual thread a request. The JDK has no JSON: 90 lines read and
// write it.
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
        static void quote(StringBuilder out, String s) {
            out.append('"');
            for (int i = 0; i < s.length(); i++) {
                char c = s.charAt(i);
                if (c == '"' || c == '\\') out.append('\\').append(c);
                else if (c < ' ') out.append(String.format("\\u%04x", (int) c));
                else out.append(c);
            }
            out.append('"');
        }
    }

    static class Failed extends Exception {}

    /**
     * In the process: documents by their ID, of which each is there once. With a delay, as a database behind a pool of ten
     * connections.
     */
    static class People {
        final int delay;
        final Semaphore connections = new Semaphore(10);
        final Map<String, Map<?, ?>> all = new HashMap<>();

        People(int delay) { this.delay = delay; }

        List<String> insertMany(List<?> persons) throws Failed, InterruptedException {
            if (persons.isEmpty()) throw new Failed();
            if (delay > 0) {
                connections.acquire();
                Thread.sleep(delay);
                connections.release();
            }
            var ids = new ArrayList<String>();
            synchronized (all) {
                for (Object p : persons) {
                    var person = (Map<?, ?>) p;
                    String id = (String) person.get("ID");
                    if (all.putIfAbsent(id, person) != null) {
                        for (String mine : ids) all.remove(mine);
                        throw new Failed();
                    }
                    ids.add(id);
                }
            }
            return ids;
        }
    }

    static void send(HttpExchange exchange, int status, String text) throws IOException {
        byte[] body = text.getBytes(StandardCharsets.UTF_8);
        exchange.getResponseHeaders().set("Content-Type", "application/json");
        exchange.sendResponseHeaders(status, body.length);
        try (var out = exchange.getResponseBody()) {
            out.write(body);
        }
    }
    static void say(HttpExchange exchange, int status, String message) throws IOException {
        var out = new StringBuilder("{\"message\":");
        Json.quote(out, message);
        send(exchange, status, out.append('}').toString());
    }

    static boolean isPerson(Object p) {
        return p instanceof Map<?, ?> person && person.get("name") instanceof String && person.get("age") instanceof Double
            && person.get("ID") instanceof String;
    }

    static void addPersons(HttpExchange exchange, People db) throws IOException {
        String text = new String(exchange.getRequestBody().readAllBytes(), StandardCharsets.UTF_8);
        if (!exchange.getRequestMethod().equals("POST") || !exchange.getRequestURI().getPath().equals("/persons")) {
            say(exchange, 404, "There is only POST /persons.");
            return;
        }
        Object body;
        try {
            body = Json.parse(text);
        } catch (IllegalArgumentException e) {
            say(exchange, 400, "Request body must be JSON.");
            return;
        }
        if (!(body instanceof List<?> people)) {
            say(exchange, 400, "Request body must be an array of persons.");
            return;
        }
        if (!people.stream().allMatch(Main::isPerson)) {
            say(exchange, 400, "Each person must have name (string), age (number), and ID (string).");
            return;
        }
        try {
            var ids = db.insertMany(people);
            var out = new StringBuilder("{\"insertedCount\":").append(ids.size()).append(",\"insertedIds\":{");
            for (int i = 0; i < ids.size(); i++) {
                out.append(i > 0 ? ",\"" : "\"").append(i).append("\":");
                Json.quote(out, ids.get(i));
            }
            send(exchange, 201, out.append("}}").toString());
        } catch (Failed | InterruptedException e) {
            say(exchange, 500, "Failed to insert people.");
        }
    }

    static void serve(Kit kit, String variant, int delay) throws Exception {
        if (!kit.wants(variant)) return;
        var db = new People(delay);
        try (var tasks = Executors.newVirtualThreadPerTaskExecutor()) {
            var server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 65535);
            server.setExecutor(tasks);
            server.createContext("/", exchange -> addPersons(exchange, db));
            server.start();
            var clients = new ProcessBuilder(System.getenv("VERSUS_LOAD"), "" + ProcessHandle.current().pid(),
                "" + server.getAddress().getPort(), "java", variant, kit.quick ? "quick" : "full");
            if (clients.inheritIO().start().waitFor() != 0) System.exit(1);
            server.stop(0);
        }
    }

    public static void main(String[] args) throws Exception {
        System.setProperty("sun.net.httpserver.nodelay", "true"); // else each answer waits 40 ms for an acknowledgement
        var kit = new Kit("X30", args);
        serve(kit, "answers", 0);
        serve(kit, "handler", 0);
        serve(kit, "pool", 5);
    }
}
