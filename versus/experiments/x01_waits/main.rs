//! X1 in Rust with Tokio: many tasks sleep at the same time.

use std::time::{Duration, Instant};

async fn sleepers(b: &kit::Bench, variant: &str, n: u64, nap: Duration) {
    if !b.wants(variant) {
        return;
    }
    let (memory, cpu, start) = (kit::resident(), kit::cpu(), Instant::now());
    let tasks: Vec<_> = (0..n)
        .map(|_| {
            tokio::spawn(async move {
                tokio::time::sleep(nap).await;
                1
            })
        })
        .collect();
    let mut woken = 0;
    for task in tasks {
        woken += task.await.unwrap();
    }
    let beyond = start.elapsed().as_secs_f64() - nap.as_secs_f64();
    b.emit(variant, n, "cpu", (kit::cpu() - cpu) / n as f64, "ns/task");
    b.emit(variant, n, "beyond", beyond * 1e3, "ms");
    b.emit(variant, n, "memory", (kit::peak() - memory) / n as f64, "B/task");
    b.emit(variant, n, "check", woken as f64, "count");
}

fn main() {
    kit::run("X1", |b| async move {
        sleepers(b, "10k", 10_000, Duration::from_millis(100)).await;
        sleepers(b, "100k", 100_000, Duration::from_millis(100)).await;
        sleepers(b, "1M", 1_000_000, Duration::from_secs(1)).await;
    });
}
