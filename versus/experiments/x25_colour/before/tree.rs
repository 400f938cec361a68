//! A report of what a shop sells, six calls deep. The price of an item comes from memory.

fn price(item: u64) -> u64 {
    let margin = item % 10;
    100 + margin
}

fn line(id: u64) -> u64 {
    let (first, second) = (price(2 * id), price(2 * id + 1));
    2 * first + second
}

fn basket(id: u64) -> u64 {
    let (first, second) = (line(2 * id), line(2 * id + 1));
    first + second + 49
}

fn customer(id: u64) -> u64 {
    let (first, second) = (basket(2 * id), basket(2 * id + 1));
    first + second
}

fn region(id: u64) -> u64 {
    let (first, second) = (customer(2 * id), customer(2 * id + 1));
    first + second
}

pub fn report(id: u64) -> u64 {
    let (first, second) = (region(2 * id), region(2 * id + 1));
    first + second
}
