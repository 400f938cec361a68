// X20 in Java: a small compiler. All processors work at one program: a virtual thread for each file, and one table of symbols. Then the
// same by one thread.
import java.util.*;
import java.util.concurrent.*;
import java.util.concurrent.atomic.*;
import java.util.function.*;

public class Main {
    // A type is one character, 'i' or 'b'; so the types of parameters are a string.
    record Symbol(String parameters, char result, int id, AtomicInteger uses) {}

    static final int hashBasis = (int) 2166136261L;

    static int mix(int hash, int word) { return (hash ^ word) * 16777619; } // FNV

    static int idOf(String name) {
        int hash = hashBasis;
        for (int i = 0; i < name.length(); i++) hash = mix(hash, name.charAt(i));
        return hash;
    }

    // ---- lex

    /** kind: 'w' word, 'n' number, 'e' "==", 'a' "->", '.' the end; or itself */
    record Token(char kind, String text) {}

    static boolean isDigit(char c) { return c >= '0' && c <= '9'; }
    static boolean isLetter(char c) { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_'; }

    static List<Token> lex(String source) {
        var out = new ArrayList<Token>();
        int length = source.length();
        for (int at = 0; at < length;) {
            int begin = at;
            char c = source.charAt(at++), next = at < length ? source.charAt(at) : 0, kind = c;
            if (c == ' ' || c == '\n') continue;
            if (c == '/' && next == '/') {
                at = source.indexOf('\n', at);
                if (at < 0) break;
                continue;
            } else if (isLetter(c)) {
                while (at < length && (isLetter(source.charAt(at)) || isDigit(source.charAt(at)))) at++;
                kind = 'w';
            } else if (isDigit(c)) {
                while (at < length && isDigit(source.charAt(at))) at++;
                kind = 'n';
            } else if (c == '=' && next == '=') {
                at++;
                kind = 'e';
            } else if (c == '-' && next == '>') {
                at++;
                kind = 'a';
            }
            out.add(new Token(kind, source.substring(begin, at)));
        }
        out.add(new Token('.', ""));
        return out;
    }

    // ---- parse

    static final class Expression {
        final char kind; // 'n' number, 'b' true or false, 'v' variable, 'c' call; or an operator: + - * < e
        final String name;
        final List<Expression> parts;
        int value; // a number; a variable's slot
        Symbol callee;

        Expression(char kind, String name, int value, List<Expression> parts) {
            this.kind = kind;
            this.name = name;
            this.value = value;
            this.parts = parts;
        }
    }

    static final class Statement {
        char kind; // 'l' let, 'i' if, 'r' return
        String name;
        int slot;
        Expression value;
        List<Statement> body = List.of();
    }

    record Function(String name, List<String> parameters, Symbol signature, List<Statement> body) {}

    static RuntimeException error(String what) { return new IllegalArgumentException(what); }

    static final class Parser {
        private final List<Token> tokens;
        private int at = 0;

        Parser(String source) { tokens = lex(source); }

        List<Function> file() {
            var out = new ArrayList<Function>();
            while (tokens.get(at).kind != '.') out.add(function());
            return out;
        }
        private RuntimeException unexpected() { return error("unexpected " + tokens.get(at).text); }
        private boolean accept(char kind) {
            if (tokens.get(at).kind != kind) return false;
            at++;
            return true;
        }
        private boolean word(String text) {
            if (!tokens.get(at).text.equals(text)) return false;
            at++;
            return true;
        }
        private String expect(char kind) {
            if (tokens.get(at).kind != kind) throw unexpected();
            return tokens.get(at++).text;
        }
        private char type() {
            if (word("int")) return 'i';
            if (word("bool")) return 'b';
            throw unexpected();
        }
        private Function function() {
            if (!word("fn")) throw unexpected();
            var name = expect('w');
            var names = new ArrayList<String>();
            var types = new StringBuilder();
            expect('(');
            do {
                names.add(expect('w'));
                expect(':');
                types.append(type());
            } while (accept(','));
            expect(')');
            expect('a');
            var signature = new Symbol(types.toString(), type(), idOf(name), new AtomicInteger());
            return new Function(name, names, signature, block());
        }
        private List<Statement> block() {
            var out = new ArrayList<Statement>();
            expect('{');
            while (!accept('}')) {
                var s = new Statement();
                if (word("let")) s.kind = 'l';
                else if (word("if")) s.kind = 'i';
                else if (word("return")) s.kind = 'r';
                else throw unexpected();
                if (s.kind == 'l') {
                    s.name = expect('w');
                    expect('=');
                }
                s.value = whole();
                if (s.kind == 'i') s.body = block();
                else expect(';');
                out.add(s);
            }
            return out;
        }
        private static Expression binary(char kind, Expression left, Expression right) {
            return new Expression(kind, "", 0, List.of(left, right));
        }
        private static Expression leaf(char kind, String name, int value) {
            return new Expression(kind, name, value, List.of());
        }
        private Expression whole() {
            var left = sum();
            if (accept('<')) return binary('<', left, sum());
            if (accept('e')) return binary('e', left, sum());
            return left;
        }
        private Expression sum() {
            for (var left = product();;) {
                if (accept('+')) left = binary('+', left, product());
                else if (accept('-')) left = binary('-', left, product());
                else return left;
            }
        }
        private Expression product() {
            var left = atom();
            while (accept('*')) left = binary('*', left, atom());
            return left;
        }
        private Expression atom() {
            if (accept('(')) {
                var inner = whole();
                expect(')');
                return inner;
            }
            if (tokens.get(at).kind == 'n') {
                var digits = expect('n');
                return leaf('n', digits, Integer.parseInt(digits));
            }
            var name = expect('w');
            if (name.equals("true") || name.equals("false")) return leaf('b', name, name.equals("true") ? 1 : 0);
            if (!accept('(')) return leaf('v', name, 0);
            var parts = new ArrayList<Expression>();
            do parts.add(whole()); while (accept(','));
            expect(')');
            return new Expression('c', name, 0, parts);
        }
    }

    // ---- resolve: what names mean. The table counts uses.

    static final class Resolver {
        private final List<String> known;
        private final Map<String, Symbol> table;

        Resolver(Function f, Map<String, Symbol> table) {
            known = new ArrayList<>(f.parameters);
            this.table = table;
            block(f.body);
        }
        private void block(List<Statement> all) {
            int outside = known.size();
            for (var s : all) {
                visit(s.value);
                if (s.kind == 'l') {
                    s.slot = known.size();
                    known.add(s.name);
                }
                block(s.body);
            }
            known.subList(outside, known.size()).clear();
        }
        private void visit(Expression e) {
            if (e.kind == 'v') {
                e.value = known.lastIndexOf(e.name);
                if (e.value < 0) throw error(e.name + " is not known");
            } else if (e.kind == 'c') {
                e.callee = table.get(e.name);
                if (e.callee == null) throw error(e.name + " is not declared");
                e.callee.uses.incrementAndGet();
            }
            for (var part : e.parts) visit(part);
        }
    }

    // ---- type: whether everything is of the type that is wanted

    static void want(char wanted, char found) {
        if (wanted != found) throw error("an expression of the wrong type");
    }

    static final class Checker {
        private final char result;
        private final StringBuilder known; // types of the slots

        Checker(Function f) {
            result = f.signature.result;
            known = new StringBuilder(f.signature.parameters);
            block(f.body);
        }
        private void block(List<Statement> all) {
            int outside = known.length();
            for (var s : all) {
                char found = typeOf(s.value);
                if (s.kind == 'l') known.append(found);
                else want(s.kind == 'i' ? 'b' : result, found);
                block(s.body);
            }
            known.setLength(outside);
        }
        private char typeOf(Expression e) {
            switch (e.kind) {
                case 'n': return 'i';
                case 'b': return 'b';
                case 'v': return known.charAt(e.value);
                case 'c':
                    if (e.parts.size() != e.callee.parameters.length()) throw error("wrong number of arguments");
                    for (int i = 0; i < e.parts.size(); i++) want(e.callee.parameters.charAt(i), typeOf(e.parts.get(i)));
                    return e.callee.result;
                default:
                    for (var part : e.parts) want('i', typeOf(part));
                    return e.kind == '<' || e.kind == 'e' ? 'b' : 'i';
            }
        }
    }

    // ---- emit: words for a machine with a stack

    static final class Emitter {
        private int[] code = new int[256];
        private int size = 0;

        void add(Function f) {
            put('f', f.signature.id);
            block(f.body);
        }
        int checksum() {
            int hash = hashBasis;
            for (int i = 0; i < size; i++) hash = mix(hash, code[i]);
            return hash;
        }
        private void put(char what, int operand) {
            if (size + 2 > code.length) code = Arrays.copyOf(code, 2 * code.length);
            code[size++] = what;
            code[size++] = operand;
        }
        private void block(List<Statement> all) {
            for (var s : all) {
                visit(s.value);
                put(s.kind, s.slot);
                if (s.kind != 'i') continue;
                int jump = size - 1; // behind the body
                block(s.body);
                code[jump] = size;
            }
        }
        private void visit(Expression e) {
            for (var part : e.parts) visit(part);
            put(e.kind, e.kind == 'c' ? e.callee.id : e.value);
        }
    }

    // ---- the two halves of the work on a file

    static List<Function> declare(String source, Map<String, Symbol> table) {
        var file = new Parser(source).file();
        for (var f : file)
            if (table.putIfAbsent(f.name, f.signature) != null) throw error(f.name + " is declared twice");
        return file;
    }

    static int finish(List<Function> file, Map<String, Symbol> table) {
        var out = new Emitter();
        for (var f : file) {
            new Resolver(f, table);
            new Checker(f);
            out.add(f);
        }
        return out.checksum();
    }

    static int checksum(Map<String, Symbol> table) {
        int sum = 0;
        for (var s : table.values()) sum += s.id * s.uses.get();
        return sum;
    }

    static int inOneThread(List<String> sources) {
        var table = new ConcurrentHashMap<String, Symbol>();
        var parsed = new ArrayList<List<Function>>();
        for (var source : sources) parsed.add(declare(source, table));
        int sum = 0;
        for (var file : parsed) sum += finish(file, table);
        return sum + checksum(table);
    }

    static int inAThreadEach(List<String> sources) {
        var table = new ConcurrentHashMap<String, Symbol>();
        var sum = new AtomicInteger();
        var declared = new CountDownLatch(sources.size());
        try (var executor = Executors.newVirtualThreadPerTaskExecutor()) { // its end waits for all
            for (var source : sources)
                executor.submit(() -> {
                    var file = declare(source, table);
                    declared.countDown();
                    declared.await();
                    return sum.addAndGet(finish(file, table));
                });
        }
        return sum.get() + checksum(table);
    }

    record Taken(double cpu, double wall, int sum) {
        static Taken of(ToIntFunction<List<String>> pass, List<String> sources) {
            double cpu = Kit.cpu(), start = System.nanoTime();
            int sum = pass.applyAsInt(sources);
            return new Taken(Kit.cpu() - cpu, System.nanoTime() - start, sum);
        }
        Taken least(Taken other) {
            return new Taken(Math.min(cpu, other.cpu), Math.min(wall, other.wall), other.sum);
        }
    }

    static final Taken nothing = new Taken(Double.MAX_VALUE, Double.MAX_VALUE, 0);

    /** While the JIT compiler works. */
    static void repeat(Kit kit, Runnable f) {
        double end = Kit.cpu() + (kit.quick ? 800e6 : 6000e6);
        for (int i = 0; i < 3 || Kit.cpu() < end; i++) f.run();
    }

    public static void main(String[] args) throws Exception {
        var kit = new Kit("X20", args);
        int n = kit.quick ? 200 : 2000;
        var load = new ProcessBuilder(System.getenv("VERSUS_LOAD"), "" + n).redirectError(ProcessBuilder.Redirect.INHERIT).start();
        var sources = List.of(new String(load.getInputStream().readAllBytes(), "ISO-8859-1").split("\f"));
        Taken[] one = {nothing}, all = {nothing};
        if (kit.wants("one")) {
            var first = Taken.of(Main::inOneThread, sources);
            repeat(kit, () -> one[0] = one[0].least(Taken.of(Main::inOneThread, sources)));
            kit.emit("one", n, "cpu", one[0].cpu / n / 1e3, "us/file");
            kit.emit("one", n, "first", first.cpu / n / 1e3, "us/file");
            kit.emit("one", n, "check", Integer.toUnsignedLong(one[0].sum), "count");
        }
        if (kit.wants("files")) {
            one[0] = nothing;
            repeat(kit, () -> {
                one[0] = one[0].least(Taken.of(Main::inOneThread, sources));
                all[0] = all[0].least(Taken.of(Main::inAThreadEach, sources));
            });
            boolean same = one[0].sum == all[0].sum;
            kit.emit("files", n, "cpu", all[0].cpu / n / 1e3, "us/file");
            kit.emit("files", n, "wall", all[0].wall / n / 1e3, "us/file");
            kit.emit("files", n, "slowdown", all[0].wall * Runtime.getRuntime().availableProcessors() / one[0].wall, "times one");
            kit.emit("files", n, "check", same ? Integer.toUnsignedLong(all[0].sum) : 0, "count");
        }
    }
}
