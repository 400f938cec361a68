//! X15 in Rust with Tokio: requests that wait 100 ms each: on pools of threads, in a thread each, in a task each.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};

const NAP: Duration = Duration::from_millis(100);

/// What is known of the requests of one variant.
struct Desk {
    n: u64,
    begun: AtomicU64,
    served: AtomicU64,
    most: AtomicU64,
}

impl Desk {
    fn begin(&self) -> Instant {
        let place = self.begun.fetch_add(1, SeqCst);
        if place % (self.n / 10) == self.n / 10 - 1 {
            self.most.fetch_max(kit::peak() as u64, SeqCst);
        }
        Instant::now()
    }

    fn end(&self, start: Instant) {
        if start.elapsed() >= NAP {
            self.served.fetch_add(1, SeqCst);
        }
    }

    /// One request, which blocks its thread.
    fn serve(&self) {
        let start = self.begin();
        std::thread::sleep(NAP);
        self.end(start);
    }

    /// One request, which lets others run meanwhile.
    async fn serve_in_task(&self) {
        let start = self.begin();
        tokio::time::sleep(NAP).await;
        self.end(start);
    }
}

fn measure(b: &kit::Bench, variant: &str, n: u64, serve_all: impl Fn(Arc<Desk>)) {
    if !b.wants(variant) {
        return;
    }
    let new = || AtomicU64::new(0);
    let desk = Arc::new(Desk { n, begun: new(), served: new(), most: new() });
    let (before, cpu, start) = (kit::peak(), kit::cpu(), Instant::now());
    serve_all(desk.clone());
    b.emit(variant, n, "request", start.elapsed().as_secs_f64() * 1e6 / n as f64, "us/request");
    b.emit(variant, n, "memory", (desk.most.load(SeqCst) as f64 - before) / f64::from(1 << 20), "MiB");
    b.emit(variant, n, "cpu", (kit::cpu() - cpu) / 1e3 / n as f64, "us/request");
    b.emit(variant, n, "check", desk.served.load(SeqCst) as f64, "count");
}

/// Tokio's pool for calls that block, with so many threads.
fn in_pool(threads: usize) -> impl Fn(Arc<Desk>) {
    let runtime = Builder::new_multi_thread().max_blocking_threads(threads).enable_all().build().unwrap();
    move |desk| {
        let serve = || {
            let desk = desk.clone();
            runtime.spawn_blocking(move || desk.serve())
        };
        let all: Vec<_> = (0..desk.n).map(|_| serve()).collect();
        runtime.block_on(async {
            for each in all {
                each.await.unwrap();
            }
        });
    }
}

fn in_threads(desk: Arc<Desk>) {
    std::thread::scope(|scope| {
        for _ in 0..desk.n {
            scope.spawn(|| desk.serve());
        }
    });
}

fn in_tasks(runtime: &Runtime, desk: Arc<Desk>) {
    let accept = async move {
        let serve = || {
            let desk = desk.clone();
            tokio::spawn(async move { desk.serve_in_task().await })
        };
        let all: Vec<_> = (0..desk.n).map(|_| serve()).collect();
        for each in all {
            each.await.unwrap();
        }
    };
    runtime.block_on(runtime.spawn(accept)).unwrap();
}

fn main() {
    let b = kit::Bench::new("X15");
    let runtime = kit::runtime(0);
    measure(&b, "pool10", if b.quick { 50 } else { 1000 }, in_pool(10));
    measure(&b, "pool200", 1000, in_pool(200));
    measure(&b, "thread", 1000, in_threads);
    measure(&b, "task", 1000, |desk| in_tasks(&runtime, desk));
    measure(&b, "thread10k", 10_000, in_threads);
    measure(&b, "task10k", 10_000, |desk| in_tasks(&runtime, desk));
}
