//! X7 in Rust with Tokio: computing on all processors: in tasks, in threads, in very many small tasks, started by one or by all; and threads
//! that wait.

use std::future::Future;
use std::time::{Duration, Instant};

/// It calls nothing and waits for nothing; xorshift never gets to zero. (The compiler is not to see that it has no effects: it
/// would move it past the clock, or leave it out. A read that it must not leave out is one.)
#[inline(never)]
fn compute(steps: u64) -> u32 {
    // SAFETY: it reads a constant.
    let mut x = unsafe { std::ptr::read_volatile(&1) };
    for _ in 0..steps {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
    }
    x
}

fn tries(b: &kit::Bench) -> u32 {
    if b.quick {
        3
    } else {
        7
    }
}

/// Calls task() in so many tasks, waits for them, and adds up what they return.
async fn in_tasks(tasks: u64, task: impl Fn() -> u64 + Clone + Send + 'static) -> u64 {
    let start = || {
        let task = task.clone();
        tokio::spawn(async move { task() })
    };
    let all: Vec<_> = (0..tasks).map(|_| start()).collect();
    let mut sum = 0;
    for each in all {
        sum += each.await.unwrap();
    }
    sum
}

/// The same in threads.
async fn in_threads(threads: u64, task: impl Fn() -> u64 + Clone + Send + 'static) -> u64 {
    let all: Vec<_> = (0..threads).map(|_| std::thread::spawn(task.clone())).collect();
    all.into_iter().map(|t| t.join().unwrap()).sum()
}

fn wall_since(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e9
}

/// How much longer P tasks take than one. `all` runs one function in so many tasks.
async fn speedup<Sum>(b: &kit::Bench, variant: &str, all: impl Fn(u64, u64, u32) -> Sum)
where
    Sum: Future<Output = u64>,
{
    if !b.wants(variant) {
        return;
    }
    let steps = if b.quick { 8_000_000 } else { 40_000_000 };
    let processors = b.processors() as u64;
    let (mut alone, mut together, mut right) = (f64::INFINITY, f64::INFINITY, 0);
    for _ in 0..tries(b) {
        let start = Instant::now();
        let wanted = compute(steps);
        alone = alone.min(wall_since(start));
        let start = Instant::now();
        right = all(processors, steps, wanted).await;
        together = together.min(wall_since(start));
    }
    b.emit(variant, processors, "slowdown", together / alone, "times one");
    b.emit(variant, processors, "check", right as f64, "count");
}

async fn waiting_threads(b: &kit::Bench) {
    if !b.wants("waits") {
        return;
    }
    const N: u64 = 16;
    const NAP: Duration = Duration::from_millis(50);
    let (mut together, mut right) = (f64::INFINITY, 0);
    for _ in 0..tries(b) {
        let start = Instant::now();
        let wait = || {
            let start = Instant::now();
            std::thread::sleep(NAP);
            u64::from(start.elapsed() >= NAP)
        };
        right = in_threads(N, wait).await;
        together = together.min(wall_since(start));
    }
    b.emit("waits", N, "slowdown", together / 50e6, "times one");
    b.emit("waits", N, "check", right as f64, "count");
}

/// Tasks of a microsecond each.
async fn fine_grained(b: &kit::Bench) {
    if !b.wants("fine") {
        return;
    }
    const PROBE: u64 = 4_000_000;
    let n = if b.quick { 30_000 } else { 400_000 };
    let mut ns = f64::INFINITY;
    for _ in 0..tries(b) {
        let from = kit::cpu(); // not wall time: on a busy machine that would make the tasks too small
        compute(PROBE);
        ns = ns.min(kit::cpu() - from);
    }
    let steps = (1000.0 * PROBE as f64 / ns).max(1.0) as u64;
    let (mut work, mut work_wall) = (f64::INFINITY, f64::INFINITY);
    let (mut cpu, mut wall, mut right) = (f64::INFINITY, f64::INFINITY, 0);
    for _ in 0..tries(b) {
        let (from, start) = (kit::cpu(), Instant::now());
        for _ in 0..n {
            assert_ne!(compute(steps), 0);
        }
        work_wall = work_wall.min(wall_since(start));
        work = work.min(kit::cpu() - from);
        let (from, start) = (kit::cpu(), Instant::now());
        right = in_tasks(n, move || u64::from(compute(steps) != 0)).await;
        wall = wall.min(wall_since(start));
        cpu = cpu.min(kit::cpu() - from);
    }
    b.emit("fine", n, "lost", (100.0 * (1.0 - work / cpu)).max(0.0), "%");
    b.emit("fine", n, "slowdown", wall * b.processors() as f64 / work_wall, "times one");
    b.emit("fine", n, "check", right as f64, "count");
}

/// Tasks of some 10 us: all of them started by one task, by the time that they take if P tasks start as many each.
async fn skewed(b: &kit::Bench) {
    if !b.wants("skewed") {
        return;
    }
    let processors = b.processors() as u64;
    let wished = if b.quick { 2_000 } else { 20_000 };
    let (each, steps) = (wished / processors, 5000);
    let n = each * processors;
    let wanted = compute(steps);
    let task = move || u64::from(compute(steps) == wanted);
    let start_all = |starters: u64, tasks: u64| async move {
        let all: Vec<_> = (0..starters).map(|_| tokio::spawn(in_tasks(tasks, task))).collect();
        let mut sum = 0;
        for each in all {
            sum += each.await.unwrap();
        }
        sum
    };
    let (mut even, mut skew, mut right) = (f64::INFINITY, f64::INFINITY, 0);
    for _ in 0..tries(b) {
        let start = Instant::now();
        right = start_all(processors, each).await;
        even = even.min(wall_since(start));
        let start = Instant::now();
        right += start_all(1, n).await;
        skew = skew.min(wall_since(start));
    }
    b.emit("skewed", n, "skew", skew / even, "times even");
    b.emit("skewed", n, "check", right as f64 / 2.0, "count");
}

fn main() {
    kit::run("X7", |b| async move {
        let task = |steps, wanted| move || u64::from(compute(steps) == wanted);
        speedup(b, "tasks", |n, steps, wanted| in_tasks(n, task(steps, wanted))).await;
        speedup(b, "threads", |n, steps, wanted| in_threads(n, task(steps, wanted))).await;
        waiting_threads(b).await;
        fine_grained(b).await;
        skewed(b).await;
    });
}
