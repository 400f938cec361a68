//! X13 in Rust with Tokio: tasks in calls that block in the kernel, beside one that computes; and a thousand such calls at
//! once. Tokio does not notice that a call blocks: it has to be told, and gives it a thread of its own for as long.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::spawn_blocking;

/// A unit of work. It calls nothing, waits for nothing; xorshift never gets to zero.
#[inline(never)]
fn unit(mut x: u32) -> u32 {
    for _ in 0..1000 {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
    }
    x
}

fn compute(stop: &AtomicBool) -> u64 {
    let (mut units, mut x) = (0, 1);
    loop {
        x = unit(x);
        units += 1;
        // Relaxed: it says when, it publishes nothing.
        if stop.load(Relaxed) {
            return if x != 0 { units } else { 0 };
        }
    }
}

/// The kernel's sleep. False if it was too short.
fn blocking_call(nap: Duration) -> bool {
    let start = Instant::now();
    std::thread::sleep(nap);
    start.elapsed() >= nap
}

struct Outcome {
    rate: f64, // units of work per second
    calls: u64,
    right: u64,
    threads: f64,
    seconds: f64,
}

async fn compute_beside(callers: usize, nap: Duration) -> Outcome {
    let stop = Arc::new(AtomicBool::new(false));
    let (calls, right) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    let start = Instant::now();
    let calling: Vec<_> = (0..callers)
        .map(|_| {
            let (stop, calls, right) = (stop.clone(), calls.clone(), right.clone());
            tokio::spawn(async move {
                loop {
                    if spawn_blocking(|| blocking_call(Duration::from_millis(1))).await.unwrap() {
                        right.fetch_add(1, Relaxed);
                    }
                    calls.fetch_add(1, Relaxed);
                    if stop.load(Relaxed) {
                        return;
                    }
                }
            })
        })
        .collect();
    let stopped = stop.clone();
    let computing = tokio::spawn(async move { compute(&stopped) });
    // A plain thread says when the time is over: a task might never get to run.
    let watch = std::thread::spawn(move || {
        std::thread::sleep(nap);
        let threads = kit::status("Threads") - 1.0;
        stop.store(true, Relaxed);
        threads
    });
    let units = computing.await.unwrap();
    let seconds = start.elapsed().as_secs_f64();
    for each in calling {
        each.await.unwrap();
    }
    Outcome {
        rate: units as f64 / seconds,
        calls: calls.load(Relaxed),
        right: right.load(Relaxed),
        threads: watch.join().unwrap(),
        seconds,
    }
}

async fn beside(b: &kit::Bench) {
    if !b.wants("beside") {
        return;
    }
    const CALLERS: usize = 64;
    let (short, long) = if b.quick { (150, 1000) } else { (500, 1500) };
    let before = compute_beside(0, Duration::from_millis(short)).await.rate;
    let o = compute_beside(CALLERS, Duration::from_millis(long)).await;
    let alone = (before + compute_beside(0, Duration::from_millis(short)).await.rate) / 2.0;
    b.emit("beside", o.calls, "lost", (100.0 * (1.0 - o.rate / alone)).max(0.0), "%");
    b.emit("beside", o.calls, "call", CALLERS as f64 * o.seconds * 1e6 / o.calls as f64, "us");
    b.emit("beside", o.calls, "threads", o.threads, "threads");
    b.emit("beside", o.calls, "check", o.right as f64, "count");
}

async fn thousand(b: &kit::Bench, variant: &str) {
    if !b.wants(variant) {
        return;
    }
    const N: u64 = 1000;
    let (cpu, start) = (kit::cpu(), Instant::now());
    let calls: Vec<_> = (0..N).map(|_| spawn_blocking(|| blocking_call(Duration::from_millis(100)))).collect();
    let mut right = 0;
    for call in calls {
        right += u64::from(call.await.unwrap());
    }
    b.emit(variant, N, "wall", start.elapsed().as_secs_f64() * 1e3, "ms");
    b.emit(variant, N, "cpu", (kit::cpu() - cpu) / 1e3 / N as f64, "us/call");
    b.emit(variant, N, "check", right as f64, "count");
}

fn main() {
    kit::run("X13", |b| async move {
        beside(b).await;
        thousand(b, "thousand").await;
        thousand(b, "told").await; // the same: there is no other way
    });
}
