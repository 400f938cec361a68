//! kit: times one variant of an experiment and prints the result as JSON lines, for Rust with Tokio.
//! The same measure, in the same steps, exists for every runtime: see ../../../README.md.

mod lateness;

pub use libc;
use std::fs::read_to_string;
use std::future::Future;
use std::ops::Sub;
use std::time::{Duration, Instant};

/// One run of one program.
pub struct Bench {
    pub quick: bool,
    exp: &'static str,
    processors: usize,
    wanted: Vec<String>,
}

/// Reads the command line (`[--quick] [--processors N] [variant...]`) and runs `body` as a task of Tokio's: with as
/// many workers as there are processors, or on the one thread of `current_thread` if it is to use one processor.
pub fn run<F, Body>(exp: &'static str, body: F)
where
    F: FnOnce(&'static Bench) -> Body,
    Body: Future<Output = ()> + Send + 'static,
{
    let b: &'static Bench = Box::leak(Box::new(Bench::new(exp)));
    runtime(b.processors).block_on(async {
        // Not in block_on's own thread, which is none of the workers.
        tokio::spawn(body(b)).await.expect("the program panicked");
    });
}

/// A runtime for so many processors; 0: for all that there are.
pub fn runtime(processors: usize) -> tokio::runtime::Runtime {
    use tokio::runtime::Builder;
    let mut builder = match processors {
        1 => Builder::new_current_thread(),
        _ => Builder::new_multi_thread(),
    };
    if processors > 1 {
        builder.worker_threads(processors);
    }
    // As many threads for calls that block as an experiment asks for; Tokio's own limit is 512.
    builder.max_blocking_threads(2048).enable_all().build().expect("a runtime")
}

/// The number of processors that the process may use.
pub fn available() -> usize {
    std::thread::available_parallelism().map_or(1, |n| n.get())
}

impl Bench {
    pub fn new(exp: &'static str) -> Bench {
        let mut b = Bench { quick: false, exp, processors: 0, wanted: Vec::new() };
        let mut args = std::env::args().skip(1);
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--quick" => b.quick = true,
                "--processors" => b.processors = args.next().and_then(|n| n.parse().ok()).unwrap_or(0),
                _ => b.wanted.push(arg),
            }
        }
        b
    }

    /// How many processors the program is to use.
    pub fn processors(&self) -> usize {
        if self.processors > 0 {
            self.processors
        } else {
            available()
        }
    }

    /// Whether this run should measure the variant.
    pub fn wants(&self, variant: &str) -> bool {
        self.wanted.is_empty() || self.wanted.iter().any(|w| w == variant)
    }

    /// `variant` as the harness knows it.
    pub fn id(&self, variant: &str) -> String {
        match self.processors {
            0 => format!("{variant}@all"),
            n => format!("{variant}@{n}"),
        }
    }

    fn line(&self, variant: &str, n: u64, metric: &str, unit: &str, rest: &str) {
        println!(
            r#"{{"exp":"{}","rt":"tokio","variant":"{}","n":{n},"metric":"{metric}","unit":"{unit}",{rest}}}"#,
            self.exp,
            self.id(variant)
        );
    }

    /// Prints one result line.
    pub fn emit(&self, variant: &str, n: u64, metric: &str, value: f64, unit: &str) {
        self.line(variant, n, metric, unit, &format!(r#""value":{value}"#));
    }

    /// What n tasks occupy: the figure, and what it consists of.
    pub fn emit_memory(&self, variant: &str, n: u64, held: Kinds, unit: &str) {
        let tasks = n as f64;
        self.emit(variant, n, "memory", held.total() / tasks, unit);
        let parts = format!(
            r#""parts":{{"pages":{},"page tables":{},"kernel stacks":{}}}"#,
            held.pages / tasks,
            held.tables / tasks,
            held.kernel / tasks
        );
        self.line(variant, n, "memory", unit, &parts);
    }

    /// How late the ticks of a plan were, over time.
    pub fn emit_lateness(&self, variant: &str, late: &[f64], period: f64) {
        let pairs = lateness::pairs(late, period);
        if !pairs.is_empty() {
            self.line(variant, late.len() as u64, "late", "us", &format!(r#""series":[{pairs}]"#));
        }
    }

    /// Times f(rounds), where a round is `per` operations, and lets rounds grow until a sample is long enough. f returns
    /// a count or a sum that shows that the work was done.
    pub async fn measure<F, Work>(&self, variant: &str, per: u64, f: F)
    where
        F: Fn(u64) -> Work,
        Work: Future<Output = u64>,
    {
        if !self.wants(variant) {
            return;
        }
        let target = if self.quick { 100e6 } else { 200e6 };
        let (mut rounds, mut calibrated) = (1, false);
        loop {
            let (cpu, start) = (cpu(), Instant::now());
            let check = f(rounds).await;
            let (wall, n) = (start.elapsed().as_nanos() as f64, rounds * per);
            if calibrated || wall >= 4.0 * target {
                self.emit(variant, n, "cpu", (self::cpu() - cpu) / n as f64, "ns/op");
                self.emit(variant, n, "wall", wall / n as f64, "ns/op");
                self.emit(variant, n, "check", check as f64, "count");
                return;
            }
            if wall < target / 8.0 {
                rounds *= if wall < target / 64.0 { 8 } else { 2 };
            } else {
                rounds = 1 + (rounds as f64 * target / wall) as u64;
                calibrated = true;
            }
        }
    }
}

/// As many descriptors as the system grants.
pub fn raise_descriptor_limit() {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: `limit` is ours.
    unsafe {
        libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit);
        limit.rlim_cur = limit.rlim_max;
        libc::setrlimit(libc::RLIMIT_NOFILE, &limit);
    }
}

/// Processor time of the whole process, user and system, in nanoseconds.
pub fn cpu() -> f64 {
    let mut t = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the clock exists on Linux, and `t` is ours.
    unsafe { libc::clock_gettime(libc::CLOCK_PROCESS_CPUTIME_ID, &mut t) };
    t.tv_sec as f64 * 1e9 + t.tv_nsec as f64
}

/// One field of /proc/self/status: VmRSS and its like in bytes, Threads as it is.
pub fn status(key: &str) -> f64 {
    status_of("self", key)
}

/// The same of another process.
pub fn status_of(process: &str, key: &str) -> f64 {
    let text = read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let field = text.lines().filter_map(|l| l.split_once(':')).find(|(name, _)| *name == key);
    let mut words = field.map_or("", |(_, rest)| rest).split_whitespace();
    let value: f64 = words.next().and_then(|w| w.parse().ok()).unwrap_or(0.0);
    value * if words.next().is_some() { 1024.0 } else { 1.0 }
}

/// What the process occupies, by kind: resident pages (stacks and heap), page tables, kernel stacks.
#[derive(Clone, Copy)]
pub struct Kinds {
    pages: f64,
    tables: f64,
    kernel: f64,
}

impl Kinds {
    pub fn total(&self) -> f64 {
        self.pages + self.tables + self.kernel
    }
}

impl Sub for Kinds {
    type Output = Kinds;
    fn sub(self, before: Kinds) -> Kinds {
        Kinds {
            pages: self.pages - before.pages,
            tables: self.tables - before.tables,
            kernel: self.kernel - before.kernel,
        }
    }
}

/// `resident` by kind.
pub fn resident_kinds() -> Kinds {
    Kinds { pages: status("VmRSS"), tables: status("VmPTE"), kernel: 16384.0 * status("Threads") }
}

/// What the process occupies: pages, page tables, and 16 KiB of kernel stack for each thread.
pub fn resident() -> f64 {
    resident_kinds().total()
}

/// The most that it has occupied so far.
pub fn peak() -> f64 {
    status("VmHWM") + status("VmPTE") + 16384.0 * status("Threads")
}

/// `resident` once it stands still.
pub async fn settled() -> f64 {
    let mut last = f64::NEG_INFINITY;
    loop {
        tokio::time::sleep(Duration::from_millis(20)).await;
        let now = resident();
        if (now - last).abs() <= 128.0 * 1024.0 {
            return now;
        }
        last = now;
    }
}
