//! X29 in Rust with Tokio: how late is a ticker of 1 ms while graphs of a million nodes are built and dropped?

use std::ptr::null;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::task::spawn_blocking;

const NODES: u32 = 1_000_000;

/// A graph's vector owns the nodes. Their edges are plain pointers: they live as long as the graph does.
struct Node {
    left: *const Node,
    right: *const Node,
    value: u64,
}
type Graph = Vec<Option<Box<Node>>>;

fn other(i: u32) -> u32 {
    i.wrapping_mul(2654435761) % i
}

fn node(all: &Graph, i: u32) -> Node {
    let edge = |to: u32| -> *const Node { all[to as usize].as_deref().unwrap() };
    let (left, right) = if i > 0 { (edge(i - 1), edge(other(i))) } else { (null(), null()) };
    Node { left, right, value: u64::from(i & 1023) }
}

/// A node that is there already is linked anew.
fn link(all: &mut Graph, i: u32) {
    let linked = node(all, i);
    match &mut all[i as usize] {
        Some(kept) => **kept = linked,
        none => *none = Some(Box::new(linked)),
    }
}

fn sum(all: &Graph) -> u64 {
    let linked = all.iter().flatten().filter(|each| !each.left.is_null());
    // SAFETY: edges lead to nodes of the same graph, which is borrowed here.
    linked.map(|each| unsafe { each.value + (*each.left).value + (*each.right).value }).sum()
}

fn empty() -> Graph {
    (0..NODES).map(|_| None).collect()
}

struct Work {
    built: u64, // nodes
    took: Duration,
    right: bool,
}

/// Graph after graph; at least one. If they are reused the nodes of one graph are linked anew, and none is dropped.
fn build(stop: &AtomicBool, reuse: bool) -> Work {
    let mut kept = empty();
    if reuse {
        (0..NODES).for_each(|i| link(&mut kept, i));
    }
    let expected: u64 = (1..NODES).map(|i| u64::from((i & 1023) + ((i - 1) & 1023) + (other(i) & 1023))).sum();
    let (mut built, mut right) = (0, true);
    let start = Instant::now();
    // Relaxed: it says when, it publishes nothing.
    let stopped = |built: u64| built >= u64::from(NODES) && stop.load(Relaxed);
    while !stopped(built) {
        let mut fresh = if reuse { Vec::new() } else { empty() };
        let all = if reuse { &mut kept } else { &mut fresh };
        for i in 0..NODES {
            if i % 1000 == 0 && stopped(built) {
                break;
            }
            link(all, i);
            built += 1;
        }
        if !stopped(built) {
            right = right && sum(all) == expected;
        }
    }
    Work { built, took: start.elapsed(), right }
}

async fn tick(ticks: u32) -> Vec<f64> {
    let mut late = Vec::with_capacity(ticks as usize);
    let start = Instant::now();
    for i in 1..=ticks {
        let due = start + Duration::from_millis(1) * i;
        tokio::time::sleep_until(due.into()).await;
        late.push((Instant::now() - due).as_secs_f64() * 1e6);
    }
    late
}

async fn beside(b: &kit::Bench, variant: &str, reuse: bool) {
    if !b.wants(variant) {
        return;
    }
    let ticks = if b.quick { 600 } else { 2000 };
    let stop = Arc::new(AtomicBool::new(false));
    let cpu = kit::cpu();
    // As a task it would hold its worker; who computes for long is to be told to the runtime.
    let building = spawn_blocking({
        let stop = stop.clone();
        move || build(&stop, reuse)
    });
    let mut late = tick(ticks).await;
    stop.store(true, Relaxed);
    let did = building.await.unwrap();
    let spent = kit::cpu() - cpu;
    b.emit_lateness(variant, &late, 1000.0);
    late.sort_by(f64::total_cmp);
    let (n, built) = (u64::from(ticks), did.built as f64);
    b.emit(variant, n, "p99", late[late.len() * 99 / 100], "us");
    b.emit(variant, n, "p50", late[late.len() / 2], "us");
    b.emit(variant, n, "max", late[late.len() - 1], "us");
    b.emit(variant, n, "node", did.took.as_secs_f64() * 1e9 / built, "ns/node");
    b.emit(variant, n, "cpu", spent / built, "ns/node");
    let kept = late.iter().filter(|l| **l >= 0.0).count();
    b.emit(variant, n, "check", if did.right { kept as f64 } else { 0.0 }, "count");
}

fn main() {
    kit::run("X29", |b| async move {
        beside(b, "dropped", false).await;
        beside(b, "reused", true).await;
    });
}
