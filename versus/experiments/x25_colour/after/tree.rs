//! A report of what a shop sells, six calls deep. The price of an item comes from a server that takes 1 ms.
use tokio::time::{sleep, Duration};

async fn price(item: u64) -> u64 {
    sleep(Duration::from_millis(1)).await;
    let margin = item % 10;
    100 + margin
}

async fn line(id: u64) -> u64 {
    let (first, second) = (price(2 * id).await, price(2 * id + 1).await);
    2 * first + second
}

async fn basket(id: u64) -> u64 {
    let (first, second) = (line(2 * id).await, line(2 * id + 1).await);
    first + second + 49
}

async fn customer(id: u64) -> u64 {
    let (first, second) = (basket(2 * id).await, basket(2 * id + 1).await);
    first + second
}

async fn region(id: u64) -> u64 {
    let (first, second) = (customer(2 * id).await, customer(2 * id + 1).await);
    first + second
}

pub async fn report(id: u64) -> u64 {
    let (first, second) = (region(2 * id).await, region(2 * id + 1).await);
    first + second
}
