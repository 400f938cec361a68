//! X27 in Rust with Tokio: what futures cost: a link of a chain of continuations, starting a task and awaiting it, waiting for
//! many. What follows an await is the continuation; it runs in the task that awaits, so a chain of tasks is a task each.

use std::future::{ready, Future};
use std::pin::Pin;
use tokio::sync::oneshot;

/// A chain of a thousand tasks on a value that is then sent.
async fn chain(rounds: u64) -> u64 {
    let mut sum = 0;
    for _ in 0..rounds {
        let (first, value) = oneshot::channel::<u64>();
        let mut last = tokio::spawn(async { value.await.unwrap() + 1 });
        for _ in 1..1000 {
            last = tokio::spawn(async { last.await.unwrap() + 1 });
        }
        first.send(0).unwrap();
        sum += last.await.unwrap();
    }
    sum
}

/// A chain of a thousand futures that one task runs.
async fn inline(rounds: u64) -> u64 {
    let mut sum = 0;
    for _ in 0..rounds {
        let (first, value) = oneshot::channel::<u64>();
        let mut last: Pin<Box<dyn Future<Output = u64> + Send>> = Box::pin(async { value.await.unwrap() + 1 });
        for _ in 1..1000 {
            last = Box::pin(async { last.await + 1 });
        }
        first.send(0).unwrap();
        sum += last.await;
    }
    sum
}

/// One continuation of a future that is ready, in a task of its own, and wait for it.
async fn one_link(rounds: u64) -> u64 {
    let mut sum = 0;
    for _ in 0..rounds {
        let zero = ready(0u64);
        sum += tokio::spawn(async { zero.await + 1 }).await.unwrap();
    }
    sum
}

/// Start a task, wait for its result.
async fn start(rounds: u64) -> u64 {
    let mut sum = 0;
    for _ in 0..rounds {
        sum += tokio::spawn(async { 1u64 }).await.unwrap();
    }
    sum
}

/// Start a thousand, wait for all results.
async fn every(rounds: u64) -> u64 {
    let mut sum = 0;
    for _ in 0..rounds {
        let tasks: Vec<_> = (0..1000).map(|_| tokio::spawn(async { 1u64 })).collect();
        for task in tasks {
            sum += task.await.unwrap();
        }
    }
    sum
}

/// supplyAsync, thenApply, thenCompose, join.
async fn compose(rounds: u64) -> u64 {
    let mut sum = 0;
    for _ in 0..rounds {
        let zero = tokio::spawn(async { 0u64 });
        let one = async { zero.await.unwrap() + 1 };
        let last = async {
            let n = one.await;
            tokio::spawn(async move { n }).await.unwrap()
        };
        sum += last.await;
    }
    sum
}

fn main() {
    kit::run("X27", |b| async move {
        b.measure("chain", 1000, chain).await;
        b.measure("inline", 1000, inline).await;
        b.measure("link", 1, one_link).await;
        b.measure("start", 1, start).await;
        b.measure("all", 1000, every).await;
        b.measure("compose", 1, compose).await;
    });
}
