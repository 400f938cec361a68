//! X25 in Rust with Tokio: what changes in a tree of calls when its leaf has to wait; and a comparator of qsort that sleeps.

use kit::libc;
use std::os::raw::{c_int, c_void};
use std::time::{Duration, Instant};
use tokio::process::Command;
use tokio::task::spawn_blocking;

#[path = "after/tree.rs"]
mod after;
#[path = "before/tree.rs"]
mod before;

async fn compare(b: &kit::Bench) {
    if !b.wants("tree") {
        return;
    }
    const LEAVES: u64 = 32;
    let old = before::report(1);
    let start = Instant::now();
    let check = old + after::report(1).await;
    let waited = start.elapsed() >= Duration::from_millis(LEAVES);
    // How the sources differ says the program that counts for all languages.
    let folder = std::env::var("VERSUS_EXPERIMENT").unwrap();
    let sources = ["before", "after"].map(|which| format!("{folder}/{which}/tree.rs"));
    let said = Command::new(std::env::var("VERSUS_LOAD").unwrap()).args(sources).output().await.unwrap().stdout;
    let said = String::from_utf8(said).unwrap();
    let (signatures, lines) = said.trim().split_once(' ').unwrap();
    b.emit("tree", LEAVES, "signatures", signatures.parse().unwrap(), "functions");
    b.emit("tree", LEAVES, "lines", lines.parse().unwrap(), "lines");
    b.emit("tree", LEAVES, "check", if waited { check as f64 } else { 0.0 }, "count");
}

/// C calls it, so it cannot await: it holds its thread.
extern "C" fn slowly(a: *const c_void, b: *const c_void) -> c_int {
    std::thread::sleep(Duration::from_millis(1));
    // SAFETY: qsort hands over elements of the array.
    unsafe { *(a as *const c_int) - *(b as *const c_int) }
}

fn sorts() -> bool {
    let mut numbers: [c_int; 8] = [5, 3, 8, 1, 7, 2, 6, 4];
    // SAFETY: so many elements of this size are there.
    unsafe { libc::qsort(numbers.as_mut_ptr() as *mut c_void, 8, 4, Some(slowly)) };
    numbers == [1, 2, 3, 4, 5, 6, 7, 8]
}

async fn sorting(b: &kit::Bench) {
    if !b.wants("qsort") {
        return;
    }
    const N: u64 = 32;
    let start = Instant::now();
    let working: Vec<_> = (0..N).map(|_| spawn_blocking(sorts)).collect();
    tokio::time::sleep(Duration::from_millis(3)).await;
    let threads = kit::status("Threads");
    let mut right = 0;
    for each in working {
        right += u64::from(each.await.unwrap());
    }
    b.emit("qsort", N, "wall", start.elapsed().as_secs_f64() * 1e3, "ms");
    b.emit("qsort", N, "threads", threads, "threads");
    b.emit("qsort", N, "check", right as f64, "count");
}

fn main() {
    kit::run("X25", |b| async move {
        compare(b).await;
        sorting(b).await;
    });
}
