//! X22 in Rust with Tokio: locks: free, with a limit of time, contended, for readers and writers, and a counter without one.
//!
//! Tokio's manual prefers the standard library's locks where nothing is awaited while they are held: they block the worker,
//! but not for long. Tokio's own is used where a lock has to give up, and where tasks are to take turns.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex, RwLock};
use std::time::{Duration, Instant};

const PER_ROUND: u64 = 64;

/// Starts so many tasks, and waits for them.
async fn in_tasks<Work, T>(tasks: u64, task: impl Fn() -> Work) -> Vec<T>
where
    Work: Future<Output = T> + Send + 'static,
    T: Send + 'static,
{
    let running: Vec<_> = (0..tasks).map(|_| tokio::spawn(task())).collect();
    let mut results = Vec::new();
    for each in running {
        results.push(each.await.unwrap());
    }
    results
}

/// Lock, add, unlock; nobody else is there.
async fn free(rounds: u64) -> u64 {
    let sum = Mutex::new(0);
    for _ in 0..rounds * PER_ROUND {
        *sum.lock().unwrap() += 1;
    }
    sum.into_inner().unwrap()
}

async fn with_limit(rounds: u64) -> u64 {
    let sum = tokio::sync::Mutex::new(0);
    for _ in 0..rounds * PER_ROUND {
        if let Ok(mut held) = tokio::time::timeout(Duration::from_millis(100), sum.lock()).await {
            *held += 1;
        }
    }
    sum.into_inner()
}

async fn contended(rounds: u64, tasks: u64) -> u64 {
    let sum = Arc::new(Mutex::new(0));
    in_tasks(tasks, || {
        let sum = sum.clone();
        async move {
            for _ in 0..rounds * PER_ROUND / tasks {
                *sum.lock().unwrap() += 1;
            }
        }
    })
    .await;
    let sum = *sum.lock().unwrap();
    sum
}

/// A little work: the lock is held for some 200 ns.
fn work(mut x: u32) -> u32 {
    for _ in 0..100 {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
    }
    x
}

/// Eight tasks take the lock as often as they can: by how much does the one that gets it least fall short of the average?
async fn fairness(b: &kit::Bench) {
    if !b.wants("fair") {
        return;
    }
    const TASKS: u64 = 8;
    let span = Duration::from_millis(if b.quick { 200 } else { 1000 });
    let guarded = Arc::new(tokio::sync::Mutex::new((1, 0)));
    let end = Instant::now() + span;
    let each = in_tasks(TASKS, || {
        let guarded = guarded.clone();
        async move {
            let mut mine = 0;
            while Instant::now() < end {
                let mut held = guarded.lock().await;
                *held = (work(held.0), held.1 + 1);
                mine += 1;
            }
            mine
        }
    })
    .await;
    let (state, sum) = *guarded.lock().await;
    let total: u64 = each.iter().sum();
    let least = each.into_iter().min().unwrap() as f64;
    b.emit("fair", sum, "short", 100.0 * (1.0 - least * TASKS as f64 / total as f64), "%");
    b.emit("fair", sum, "turn", span.as_secs_f64() * 1e9 / sum as f64, "ns/op");
    b.emit("fair", sum, "check", if state != 0 { total as f64 } else { 0.0 }, "count");
}

/// Eight tasks, one lock in twenty is a writer's.
async fn reads(rounds: u64) -> u64 {
    let pair = Arc::new(RwLock::new((0, 0)));
    let right = in_tasks(8, || {
        let pair = pair.clone();
        async move {
            let mut mine = 0;
            for i in 0..rounds * PER_ROUND / 8 {
                if i % 20 == 19 {
                    let mut held = pair.write().unwrap();
                    *held = (held.0 + 1, held.1 + 1);
                    mine += 1;
                } else {
                    let held = pair.read().unwrap();
                    mine += u64::from(held.0 == held.1);
                }
            }
            mine
        }
    });
    right.await.into_iter().sum()
}

async fn atomic_counter(rounds: u64) -> u64 {
    let sum = Arc::new(AtomicU64::new(0));
    in_tasks(8, || {
        let sum = sum.clone();
        async move {
            for _ in 0..rounds * PER_ROUND / 8 {
                sum.fetch_add(1, Relaxed);
            }
        }
    })
    .await;
    sum.load(Relaxed)
}

fn main() {
    kit::run("X22", |b| async move {
        b.measure("free", PER_ROUND, free).await;
        b.measure("limit", PER_ROUND, with_limit).await;
        b.measure("two", PER_ROUND, |rounds| contended(rounds, 2)).await;
        b.measure("eight", PER_ROUND, |rounds| contended(rounds, 8)).await;
        b.measure("many", PER_ROUND, |rounds| contended(rounds, 64)).await;
        fairness(b).await;
        b.measure("reads", PER_ROUND, reads).await;
        b.measure("atomic", PER_ROUND, atomic_counter).await;
    });
}
