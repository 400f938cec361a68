//! X2 in Rust with Tokio: what a waiting task occupies, by the number of async callers it waits in.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Condvar, Mutex};
use tokio::sync::{Notify, Semaphore};

/// What the process occupies once that stands still, by kind.
async fn occupied() -> kit::Kinds {
    kit::settled().await;
    kit::resident_kinds()
}

/// Where the tasks wait, and who counts them.
struct Gate {
    open: Notify,
    ready: Semaphore,
}

async fn wait(gate: Arc<Gate>) -> u64 {
    let open = gate.open.notified();
    gate.ready.add_permits(1);
    open.await;
    0
}

/// Calls within each other, one for every digit, with frames as the other languages have them. What an async function keeps
/// while it waits lies in what its caller keeps, and all of it in one piece.
macro_rules! deep {
    ($call:expr;) => { $call };
    ($call:expr; $digit:literal $($rest:literal)*) => {
        async move {
            let mut frame = [0u8; 192];
            frame[$digit] = 1;
            deep!($call; $($rest)*).await + u64::from(frame[$digit])
        }
    };
}

fn twelve_deep<Callee>(call: impl FnOnce() -> Callee + Send) -> impl Future<Output = u64> + Send
where
    Callee: Future<Output = u64> + Send,
{
    deep!(call(); 0 1 2 3 4 5 6 7 8 9 0 1)
}

/// The same for a caller that does not know its callee when it is compiled: a piece of its own, as every program has them.
fn called_by_pointer<Callee>(
    call: impl FnOnce() -> Callee + Send + 'static,
) -> Pin<Box<dyn Future<Output = u64> + Send>>
where
    Callee: Future<Output = u64> + Send + 'static,
{
    Box::pin(twelve_deep(call))
}

fn forty_eight_deep(gate: Arc<Gate>) -> impl Future<Output = u64> + Send {
    let twelve = move || called_by_pointer(move || wait(gate));
    let twenty_four = move || called_by_pointer(twelve);
    twelve_deep(move || called_by_pointer(twenty_four))
}

/// Tasks wait at one gate, each some calls deep.
async fn waiting<W>(b: &kit::Bench, variant: &str, n: u64, depth: u64, call: impl Fn(Arc<Gate>) -> W)
where
    W: Future<Output = u64> + Send + 'static,
{
    if !b.wants(variant) {
        return;
    }
    let gate = Arc::new(Gate { open: Notify::new(), ready: Semaphore::new(0) });
    let (space, memory, cpu) = (kit::status("VmSize"), occupied().await, kit::cpu());
    let tasks: Vec<_> = (0..n).map(|_| tokio::spawn(call(gate.clone()))).collect();
    let _ready = gate.ready.acquire_many(n as u32).await.unwrap();
    let cpu = kit::cpu() - cpu;
    let held = occupied().await - memory;
    let space = kit::status("VmSize") - space;
    gate.open.notify_waiters();
    let mut woken = 0;
    for task in tasks {
        woken += u64::from(task.await.unwrap() == depth);
    }
    report(b, variant, n, cpu, held, space, woken);
}

/// The same with the platform's threads.
async fn threads(b: &kit::Bench, variant: &str, n: u64) {
    if !b.wants(variant) {
        return;
    }
    let gate = Arc::new((Mutex::new(false), Condvar::new()));
    let ready = Semaphore::new(0);
    let ready: &'static Semaphore = Box::leak(Box::new(ready));
    let (space, memory, cpu) = (kit::status("VmSize"), occupied().await, kit::cpu());
    let threads: Vec<_> = (0..n)
        .map(|_| {
            let gate = gate.clone();
            std::thread::spawn(move || {
                ready.add_permits(1);
                let (open, opened) = &*gate;
                drop(opened.wait_while(open.lock().unwrap(), |open| !*open).unwrap());
            })
        })
        .collect();
    let _ready = ready.acquire_many(n as u32).await.unwrap();
    let cpu = kit::cpu() - cpu;
    let held = occupied().await - memory;
    let space = kit::status("VmSize") - space;
    *gate.0.lock().unwrap() = true;
    gate.1.notify_all();
    let woken = threads.into_iter().filter_map(|t| t.join().ok()).count();
    report(b, variant, n, cpu, held, space, woken as u64);
}

fn report(b: &kit::Bench, variant: &str, n: u64, cpu: f64, held: kit::Kinds, space: f64, woken: u64) {
    b.emit_memory(variant, n, held, "B/task");
    b.emit(variant, n, "space", space / n as f64, "B/task");
    b.emit(variant, n, "cpu", cpu / n as f64, "ns/task");
    b.emit(variant, n, "check", woken as f64, "count");
}

fn main() {
    kit::run("X2", |b| async move {
        let n = if b.quick { 20_000 } else { 100_000 };
        waiting(b, "depth0", n, 0, wait).await;
        waiting(b, "depth12", n, 12, |gate| twelve_deep(move || wait(gate))).await;
        waiting(b, "depth48", n, 48, forty_eight_deep).await;
        threads(b, "thread", if b.quick { 2_000 } else { 4_000 }).await;
    });
}
