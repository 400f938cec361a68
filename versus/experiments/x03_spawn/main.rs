//! X3 in Rust with Tokio: what it costs to start a task and to wait for it.

use tokio::sync::mpsc;

/// Start one, wait for it, start the next.
async fn one_by_one(rounds: u64) -> u64 {
    let mut done = 0;
    for _ in 0..rounds {
        done += tokio::spawn(async { 1 }).await.unwrap();
    }
    done
}

/// Start a thousand, then wait for all of them.
async fn thousand(rounds: u64) -> u64 {
    let mut done = 0;
    for _ in 0..rounds {
        let tasks: Vec<_> = (0..1000).map(|_| tokio::spawn(async { 1 })).collect();
        for task in tasks {
            done += task.await.unwrap();
        }
    }
    done
}

/// A thousand tasks send one result each on one channel.
async fn fanout(rounds: u64) -> u64 {
    let mut sum = 0;
    for _ in 0..rounds {
        let (results, mut incoming) = mpsc::channel(1000);
        for i in 0..1000 {
            let results = results.clone();
            tokio::spawn(async move { results.send(i).await.unwrap() });
        }
        for _ in 0..1000 {
            sum += incoming.recv().await.unwrap();
        }
    }
    sum
}

/// Ten children each, down to the leaves; every one sends its sum to its parent.
fn skynet(parent: mpsc::Sender<u64>, num: u64, size: u64) {
    tokio::spawn(async move {
        if size == 1 {
            return parent.send(num).await.unwrap();
        }
        let (child, mut children) = mpsc::channel(1);
        for i in 0..10 {
            skynet(child.clone(), num + i * (size / 10), size / 10);
        }
        let mut sum = 0;
        for _ in 0..10 {
            sum += children.recv().await.unwrap();
        }
        parent.send(sum).await.unwrap();
    });
}

async fn actors(rounds: u64, leaves: u64) -> u64 {
    let mut sum = 0;
    for _ in 0..rounds {
        let (root, mut result) = mpsc::channel(1);
        skynet(root, 0, leaves);
        sum += result.recv().await.unwrap();
    }
    sum
}

fn main() {
    kit::run("X3", |b| async move {
        b.measure("one", 1, one_by_one).await;
        b.measure("thousand", 1000, thousand).await;
        b.measure("fanout", 1000, fanout).await;
        let leaves = if b.quick { 100_000 } else { 1_000_000 };
        b.measure("skynet", leaves, |rounds| actors(rounds, leaves)).await;
    });
}
