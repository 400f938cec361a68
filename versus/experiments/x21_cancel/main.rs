//! X21 in Rust with Tokio: a tree of JoinSets; one task of the root fails, and all others end.

use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::time::{Duration, Instant};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::sleep;

const LEAVES: u64 = 10_000;
static WAITING: AtomicU64 = AtomicU64::new(0);
static ENDED: AtomicU64 = AtomicU64::new(0);

struct CountsAtTheEnd;
impl Drop for CountsAtTheEnd {
    fn drop(&mut self) {
        ENDED.fetch_add(1, SeqCst);
    }
}

type Result = std::result::Result<(), &'static str>;

/// Who drops a JoinSet aborts its tasks, and so those of theirs. `alive` goes when the task is gone.
fn node(group: &mut JoinSet<Result>, depth: u32, alive: mpsc::Sender<()>) {
    group.spawn(async move {
        if depth == 0 {
            let _counts = CountsAtTheEnd;
            WAITING.fetch_add(1, SeqCst);
            sleep(Duration::from_secs(3600)).await;
        } else {
            let mut group = JoinSet::new();
            for _ in 0..10 {
                node(&mut group, depth - 1, alive.clone());
            }
            join(&mut group).await?;
        }
        drop(alive);
        Ok(())
    });
}

async fn join(group: &mut JoinSet<Result>) -> Result {
    while let Some(ended) = group.join_next().await {
        ended.expect("nobody panics")?;
    }
    Ok(())
}

async fn tree(b: &kit::Bench) {
    WAITING.store(0, SeqCst);
    ENDED.store(0, SeqCst);
    let (alive, mut gone) = mpsc::channel(1);
    let mut group = JoinSet::new();
    node(&mut group, 4, alive);
    while WAITING.load(SeqCst) != LEAVES {
        sleep(Duration::from_millis(1)).await;
    }
    sleep(Duration::from_millis(20)).await;
    let (failed, when) = tokio::sync::oneshot::channel();
    group.spawn(async {
        failed.send((kit::cpu(), Instant::now())).unwrap();
        Err("one fails")
    });
    if join(&mut group).await.is_err() {
        drop(group);
        gone.recv().await; // nothing is sent: it ends when the last sender is gone, and with it the last task
        let (cpu, start) = when.await.unwrap();
        b.emit("tree", LEAVES, "gone", start.elapsed().as_secs_f64() * 1e6, "us");
        b.emit("tree", LEAVES, "cpu", (kit::cpu() - cpu) / LEAVES as f64, "ns/leaf");
        b.emit("tree", LEAVES, "check", ENDED.load(SeqCst) as f64, "count");
    }
}

fn main() {
    kit::run("X21", |b| async move {
        if b.wants("tree") {
            for _ in 0..if b.quick { 3 } else { 9 } {
                tree(b).await;
            }
        }
    });
}
