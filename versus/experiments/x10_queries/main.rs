//! X10 in Rust with Tokio: a hundred queries of 10 ms, one after the other, all at once, ten at a time.

use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;

static UNDER_WAY: AtomicU64 = AtomicU64::new(0);
static MOST: AtomicU64 = AtomicU64::new(0);

async fn find_user(id: u64) -> u64 {
    let n = UNDER_WAY.fetch_add(1, SeqCst) + 1;
    MOST.fetch_max(n, SeqCst);
    tokio::time::sleep(Duration::from_millis(10)).await;
    UNDER_WAY.fetch_sub(1, SeqCst);
    id
}

async fn one(ids: Vec<u64>) -> Vec<u64> {
    let mut users = Vec::new();
    for id in ids {
        users.push(find_user(id).await);
    }
    users
}

async fn every(ids: Vec<u64>) -> Vec<u64> {
    let queries: Vec<_> = ids.into_iter().map(|id| tokio::spawn(find_user(id))).collect();
    let mut users = Vec::new();
    for query in queries {
        users.push(query.await.unwrap());
    }
    users
}

async fn ten(ids: Vec<u64>) -> Vec<u64> {
    let tokens = Arc::new(Semaphore::new(10));
    let mut queries = Vec::new();
    for id in ids {
        let token = tokens.clone().acquire_owned().await.unwrap();
        queries.push(tokio::spawn(async move {
            let _token = token;
            find_user(id).await
        }));
    }
    let mut users = Vec::new();
    for query in queries {
        users.push(query.await.unwrap());
    }
    users
}

async fn measure<Users>(b: &kit::Bench, variant: &str, get_users: impl Fn(Vec<u64>) -> Users)
where
    Users: Future<Output = Vec<u64>>,
{
    if !b.wants(variant) {
        return;
    }
    let ids: Vec<_> = (0..100).collect();
    MOST.store(0, SeqCst);
    let (cpu, start) = (kit::cpu(), Instant::now());
    let users = get_users(ids.clone()).await;
    b.emit(variant, 100, "wall", start.elapsed().as_secs_f64() * 1e3, "ms");
    b.emit(variant, 100, "cpu", (kit::cpu() - cpu) / 1e3 / 100.0, "us/query");
    b.emit(variant, 100, "peak", MOST.load(SeqCst) as f64, "queries");
    b.emit(variant, 100, "check", if users == ids { 100.0 } else { 0.0 }, "count");
}

fn main() {
    kit::run("X10", |b| async move {
        measure(b, "one", one).await;
        measure(b, "every", every).await;
        measure(b, "ten", ten).await;
    });
}
