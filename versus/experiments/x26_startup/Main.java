// X26 in Java: an empty program, and one whose virtual threads all sleep.
import java.util.*;
import java.util.concurrent.CountDownLatch;

public class Main {
    static void idle() throws Exception {
        var begun = new CountDownLatch(100);
        var all = new ArrayList<Thread>();
        for (int i = 0; i < 100; i++)
            all.add(Thread.startVirtualThread(() -> {
                begun.countDown();
                try {
                    Thread.sleep(3600_000);
                } catch (InterruptedException e) {
                    throw new RuntimeException(e);
                }
            }));
        begun.await();
        System.out.println("done 100");
        for (Thread t : all) t.join();
    }

    static void beMeasured(String[] args) throws Exception {
        var words = new ArrayList<>(List.of(System.getenv("VERSUS_LOAD"), "java"));
        words.addAll(List.of(args));
        String java = ProcessHandle.current().info().command().orElseThrow();
        words.addAll(List.of("--", java, "-XX:-UsePerfData"));
        if (Runtime.version().feature() == 21) words.add("--enable-preview"); // as it was compiled
        words.addAll(List.of("-cp", System.getProperty("java.class.path"), "Main"));
        System.exit(new ProcessBuilder(words).inheritIO().start().waitFor());
    }

    public static void main(String[] args) throws Exception {
        String what = System.getenv("X26");
        if (what == null) beMeasured(args);
        else if (what.equals("empty")) System.out.println("done 1");
        else idle();
    }
}
