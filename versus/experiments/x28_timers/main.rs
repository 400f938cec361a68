//! X28 in Rust with Tokio: very many timers are set, nine of ten are cancelled, the rest call their functions. A timer that
//! calls a function is a task that sleeps first.

use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;

/// The task tells that it has come to its sleep, and how late it woke up, in microseconds.
async fn timer(due: Instant, set: Arc<Semaphore>) -> f64 {
    set.add_permits(1);
    tokio::time::sleep_until(due.into()).await;
    due.elapsed().as_secs_f64() * 1e6
}

/// Cancels the timers, and waits until they are gone. How many were in time.
async fn cancel(timers: Vec<JoinHandle<f64>>) -> usize {
    for timer in &timers {
        timer.abort();
    }
    let mut cancelled = 0;
    for timer in timers {
        cancelled += usize::from(matches!(timer.await, Err(e) if e.is_cancelled()));
    }
    cancelled
}

/// How long it takes to set n timers and to cancel them: so much must lie between now and the first.
async fn trial(n: u32) -> Duration {
    let start = Instant::now();
    let set = Arc::new(Semaphore::new(0));
    let due = |i| start + Duration::from_secs(3600) * (1 + i % 1000);
    let all = (0..n).map(|i| tokio::spawn(timer(due(i), set.clone()))).collect();
    let _all_set = set.acquire_many(n).await.unwrap();
    cancel(all).await;
    start.elapsed()
}

async fn timers(b: &kit::Bench) {
    let (n, spread) = if b.quick { (50_000u32, 200_000) } else { (1_000_000, 2_000_000) };
    let count = f64::from(n);
    let ahead = Duration::from_millis(200) + 40 * trial(n / 10).await;
    let (mut stay, mut go) = (Vec::with_capacity(n as usize / 10), Vec::with_capacity(n as usize));
    let set = Arc::new(Semaphore::new(0));
    let memory = kit::settled().await;
    let base = Instant::now() + ahead;

    let insert = kit::cpu();
    for i in 0..n {
        let due = base + Duration::from_micros(u64::from(i) * 2654435761 % spread);
        let timer = tokio::spawn(timer(due, set.clone()));
        if i % 10 == 0 {
            stay.push(timer)
        } else {
            go.push(timer)
        }
    }
    let _all_set = set.acquire_many(n).await.unwrap();
    let insert = kit::cpu() - insert;
    let occupied = kit::resident() - memory;
    let cancelling = kit::cpu();
    let cancelled = cancel(go).await;
    let cancelling = kit::cpu() - cancelling;
    let in_time = Instant::now() < base;
    let fire = kit::cpu();
    let mut late = Vec::with_capacity(stay.len());
    for timer in stay {
        late.push(timer.await.unwrap());
    }
    let fire = kit::cpu() - fire;

    late.sort_by(f64::total_cmp);
    let fired = late.len() as u32;
    let right = in_time && cancelled as u32 == n / 10 * 9 && fired == n / 10 && late[0] >= 0.0;
    if b.wants("set") {
        let n = u64::from(n);
        b.emit("set", n, "insert", insert / count, "ns/timer");
        b.emit("set", n, "cancel", cancelling / (count * 0.9), "ns/timer");
        b.emit("set", n, "memory", occupied.max(0.0) / count, "B/timer");
        b.emit("set", n, "check", if right { count } else { 0.0 }, "count");
    }
    if b.wants("fire") {
        let n = u64::from(fired);
        b.emit("fire", n, "p99", late[late.len() * 99 / 100], "us");
        b.emit("fire", n, "p50", late[late.len() / 2], "us");
        b.emit("fire", n, "fire", fire / f64::from(fired), "ns/timer");
        b.emit("fire", n, "check", if right { f64::from(fired) } else { 0.0 }, "count");
    }
}

fn main() {
    kit::run("X28", |b| async move { timers(b).await });
}
