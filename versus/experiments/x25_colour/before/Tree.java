// A report of what a shop sells, six calls deep. The price of an item comes from memory.
package before;

public class Tree {
    static long price(long item) {
        long margin = item % 10;
        return 100 + margin;
    }

    static long line(long id) {
        long first = price(2 * id), second = price(2 * id + 1);
        return 2 * first + second;
    }

    static long basket(long id) {
        long first = line(2 * id), second = line(2 * id + 1);
        return first + second + 49;
    }

    static long customer(long id) {
        long first = basket(2 * id), second = basket(2 * id + 1);
        return first + second;
    }

    static long region(long id) {
        long first = customer(2 * id), second = customer(2 * id + 1);
        return first + second;
    }

    public static long report(long id) {
        long first = region(2 * id), second = region(2 * id + 1);
        return first + second;
    }
}
