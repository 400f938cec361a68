//! X14 in Rust with Tokio: how deep a task may call, what the way down costs, and what it leaves behind. A task has no stack: it
//! uses its worker's while it runs.

use kit::libc;
use std::io::Read;
use std::os::unix::io::FromRawFd;
use std::ptr::{read_volatile, write_volatile};
use std::sync::Arc;
use tokio::runtime::Builder;
use tokio::sync::{Notify, Semaphore};

const CALLS: u64 = 2000;

/// One call deeper, in a frame of about 100 bytes, until `left` is 0; returns how many calls there were. They are counted on the
/// way down in what `reached` points to.
#[inline(never)]
fn descend(left: u64, reached: *mut u64) -> u64 {
    let mut frame = [0u8; 64];
    let at = &mut frame[(left & 63) as usize];
    // SAFETY: the caller's `reached` is a number that nobody else writes.
    unsafe {
        write_volatile(at, 1);
        write_volatile(reached, read_volatile(reached) + 1);
        if left == 1 {
            1
        } else {
            descend(left - 1, reached) + u64::from(read_volatile(at))
        }
    }
}

/// A thread that gets too deep ends the process. So each try is a child, which counts its calls in memory that outlives it.
fn measure_limit(b: &kit::Bench, variant: &str, wanted: u64, stack: Option<usize>) {
    if !b.wants(variant) {
        return;
    }
    // SAFETY: there is one thread yet, so the child may do what it likes; the memory is shared with nobody but the child.
    let (reached, result, status, said) = unsafe {
        let (access, kind) = (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS);
        let shared = libc::mmap(std::ptr::null_mut(), 4096, access, kind, -1, 0) as *mut u64;
        let mut ends = [0; 2];
        assert!(shared as isize != -1 && libc::pipe(ends.as_mut_ptr()) == 0);
        let child = libc::fork();
        if child == 0 {
            let none = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
            libc::setrlimit(libc::RLIMIT_CORE, &none);
            libc::dup2(ends[1], libc::STDERR_FILENO);
            libc::close(ends[0]);
            libc::close(ends[1]);
            let count = shared as usize;
            let mut builder = Builder::new_multi_thread();
            if let Some(bytes) = stack {
                builder.thread_stack_size(bytes);
            }
            let runtime = builder.build().unwrap();
            let task = runtime.spawn(async move { descend(wanted, count as *mut u64) });
            write_volatile(shared.add(1), runtime.block_on(task).unwrap());
            libc::_exit(0);
        }
        libc::close(ends[1]);
        let mut said = Vec::new();
        std::fs::File::from_raw_fd(ends[0]).read_to_end(&mut said).unwrap();
        let mut status = 0;
        libc::waitpid(child, &mut status, 0);
        let counts = (read_volatile(shared), read_volatile(shared.add(1)));
        libc::munmap(shared as *mut libc::c_void, 4096);
        (counts.0, counts.1, status, String::from_utf8_lossy(&said).into_owned())
    };
    let died = !libc::WIFEXITED(status) || libc::WEXITSTATUS(status) != 0;
    let told = said.contains("stack overflow");
    let right = if died {
        result == 0 && reached > 100 && reached < wanted && libc::WIFSIGNALED(status)
    } else {
        result == wanted && reached == wanted
    };
    let percent = |yes: bool| if yes { 100.0 } else { 0.0 };
    b.emit(variant, wanted, "refused", 100.0 * (1.0 - reached as f64 / wanted as f64), "%");
    b.emit(variant, wanted, "died", percent(died), "%");
    b.emit(variant, wanted, "untold", percent(died && !told), "%");
    b.emit(variant, wanted, "check", if right { wanted as f64 } else { 0.0 }, "count");
}

/// Tasks that descend, wait at a gate, and descend again.
async fn descents(b: &kit::Bench) {
    if !b.wants("descend") {
        return;
    }
    let n = if b.quick { 100 } else { 200 };
    let down = || {
        let mut reached = 0;
        descend(CALLS, &mut reached)
    };
    let (ready, gate) = (Arc::new(Semaphore::new(0)), Arc::new(Notify::new()));
    let (memory, first) = (kit::settled().await, kit::cpu());
    let task = || {
        let (ready, gate) = (ready.clone(), gate.clone());
        tokio::spawn(async move {
            let sum = down();
            let open = gate.notified();
            ready.add_permits(1);
            open.await;
            sum + down()
        })
    };
    let tasks: Vec<_> = (0..n).map(|_| task()).collect();
    let _ready = ready.acquire_many(n).await.unwrap();
    let first = kit::cpu() - first;
    let kept = kit::settled().await - memory;
    let again = kit::cpu();
    gate.notify_waiters();
    let mut sum = 0;
    for task in tasks {
        sum += task.await.unwrap();
    }
    let again = kit::cpu() - again;
    let calls = u64::from(n) * CALLS;
    b.emit("descend", 2 * calls, "first", first / calls as f64, "ns/call");
    b.emit("descend", 2 * calls, "again", again / calls as f64, "ns/call");
    b.emit("descend", 2 * calls, "kept", kept.max(0.0) / 1024.0 / f64::from(n), "KiB/task");
    b.emit("descend", 2 * calls, "check", sum as f64, "count");
}

fn main() {
    let b = kit::Bench::new("X14");
    measure_limit(&b, "default", 10_000, None);
    measure_limit(&b, "asked", 1_000_000, Some(256 << 20));
    kit::run("X14", |b| async move { descents(b).await });
}
