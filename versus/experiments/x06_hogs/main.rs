//! X6 in Rust with Tokio: how late is a ticker of 1 ms beside tasks that compute and never await? And how fast is an echo
//! server?

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::process::Command;

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

fn hog(stop: &AtomicBool) -> u64 {
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

/// CPU time of a unit in so many plain threads and nothing else.
fn alone(quick: bool, threads: usize) -> f64 {
    let stop = AtomicBool::new(false);
    let cpu = kit::cpu();
    let units: u64 = std::thread::scope(|scope| {
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(|| hog(&stop))).collect();
        std::thread::sleep(Duration::from_millis(if quick { 100 } else { 500 }));
        stop.store(true, Relaxed);
        running.into_iter().map(|t| t.join().unwrap()).sum()
    });
    (kit::cpu() - cpu) / units as f64
}

async fn tick(ticks: u32, start: Instant) -> Vec<f64> {
    let mut late = Vec::with_capacity(ticks as usize);
    for i in 1..=ticks {
        let due = start + Duration::from_millis(1) * i;
        tokio::time::sleep_until(due.into()).await;
        late.push((Instant::now() - due).as_secs_f64() * 1e6);
    }
    late
}

async fn ticker(b: &kit::Bench, variant: &str, hogs: usize) {
    if !b.wants(variant) {
        return;
    }
    let ticks = if b.quick { 1000 } else { 2000 };
    let unit_alone = if hogs > 0 { alone(b.quick, hogs.min(b.processors())) } else { 0.0 };
    let stop = Arc::new(AtomicBool::new(false));
    let (cpu, start) = (kit::cpu(), Instant::now());
    let ticking = tokio::spawn(tick(ticks, start));
    let running: Vec<_> = (0..hogs)
        .map(|_| {
            let stop = stop.clone();
            tokio::spawn(async move { hog(&stop) })
        })
        .collect();
    // A plain thread says when the time is over: a task might never get to run.
    let end = stop.clone();
    let watch = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(ticks.into()));
        end.store(true, Relaxed);
    });
    let mut late = ticking.await.unwrap();
    let (mut units, mut least, mut most) = (0, u64::MAX, 0);
    for each in running {
        let did = each.await.unwrap();
        units += did;
        least = least.min(did);
        most = most.max(did);
    }
    let spent = kit::cpu() - cpu;
    watch.join().unwrap();
    b.emit_lateness(variant, &late, 1000.0);
    late.sort_by(f64::total_cmp);
    let (n, kept) = (late.len(), late.iter().filter(|l| **l >= 0.0).count());
    b.emit(variant, n as u64, "p99", late[n * 99 / 100], "us");
    b.emit(variant, n as u64, "p50", late[n / 2], "us");
    b.emit(variant, n as u64, "max", late[n - 1], "us");
    if hogs > 0 {
        b.emit(variant, n as u64, "work", spent / units as f64 / unit_alone * 100.0, "% of alone");
    }
    if hogs > b.processors() {
        b.emit(variant, n as u64, "uneven", most as f64 / least as f64, "times the least");
    }
    b.emit(variant, n as u64, "check", if least > 0 { kept as f64 } else { 0.0 }, "count");
}

// An echo server. Its clients are another process: this program, called as "client <port> <milliseconds>".

const CONNECTIONS: usize = 64;
const MESSAGE: usize = 64;

async fn echo(mut stream: TcpStream) -> std::io::Result<()> {
    let mut buffer = [0; 4096];
    loop {
        match stream.read(&mut buffer).await? {
            0 => return Ok(()),
            n => stream.write_all(&buffer[..n]).await?,
        }
    }
}

/// One question at a time. How long each answer took, in microseconds.
async fn talk(port: u16, i: usize, start: Instant, length: Duration) -> Vec<f64> {
    let mut took = Vec::new();
    let mut stream = match TcpStream::connect(("127.0.0.1", port)).await {
        Ok(stream) => stream,
        Err(_) => return took,
    };
    let (mut question, mut answer) = ([0; MESSAGE], [0; MESSAGE]);
    for k in 0u64.. {
        let asked = Instant::now();
        if asked - start > length {
            break;
        }
        question[..8].copy_from_slice(&k.to_le_bytes());
        question[MESSAGE - 1] = i as u8;
        if stream.write_all(&question).await.is_err()
            || stream.read_exact(&mut answer).await.is_err()
            || question != answer
        {
            break;
        }
        took.push(asked.elapsed().as_secs_f64() * 1e6);
    }
    took
}

/// Prints how many were answered rightly, seconds, and microseconds: the 99th percentile and the longest.
async fn ask(port: u16, length: Duration) {
    let start = Instant::now();
    let all: Vec<_> = (0..CONNECTIONS).map(|i| tokio::spawn(talk(port, i, start, length))).collect();
    let mut every = Vec::new();
    for each in all {
        every.extend(each.await.unwrap());
    }
    let seconds = start.elapsed().as_secs_f64();
    every.sort_by(f64::total_cmp);
    let at = |i: usize| every.get(i).copied().unwrap_or(0.0);
    let n = every.len();
    println!("{n} {seconds:.9} {:.3} {:.3}", at(n * 99 / 100), at(n.saturating_sub(1)));
}

struct Answers {
    n: u64,
    seconds: f64,
    p99: f64,
    longest: f64,
    all_worked: bool, // of the hogs
}

impl Answers {
    fn per_request(&self) -> f64 {
        self.seconds * 1e6 / self.n as f64
    }
}

async fn ask_beside(b: &kit::Bench, hogs: usize) -> Answers {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let accepting = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(echo(stream));
        }
    });
    let stop = Arc::new(AtomicBool::new(false));
    let running: Vec<_> = (0..hogs)
        .map(|_| {
            let stop = stop.clone();
            tokio::spawn(async move { hog(&stop) })
        })
        .collect();
    let length = if b.quick { "1000" } else { "2000" };
    let clients = Command::new("/proc/self/exe").args(["client", &port, length]).output().await.unwrap();
    // Relaxed: see hog.
    stop.store(true, Relaxed);
    let text = String::from_utf8(clients.stdout).unwrap();
    let said: Vec<f64> = text.split_whitespace().map(|w| w.parse().unwrap()).collect();
    accepting.abort();
    let mut all_worked = true;
    for each in running {
        all_worked &= each.await.unwrap() > 0;
    }
    Answers { n: said[0] as u64, seconds: said[1], p99: said[2], longest: said[3], all_worked }
}

fn report(b: &kit::Bench, variant: &str, a: &Answers) {
    b.emit(variant, a.n, "request", a.per_request(), "us");
    b.emit(variant, a.n, "answer", a.p99, "us");
    b.emit(variant, a.n, "longest", a.longest, "us");
    b.emit(variant, a.n, "check", if a.all_worked { a.n as f64 } else { 0.0 }, "count");
}

async fn echo_alone(b: &kit::Bench) {
    if b.wants("echo0") {
        report(b, "echo0", &ask_beside(b, 0).await);
    }
}

/// Of two processors, one hog may take one: then requests take twice as long, and that is 100 %.
async fn echo_beside_one(b: &kit::Bench) {
    if !b.wants("echo1") {
        return;
    }
    let alone = ask_beside(b, 0).await.per_request();
    let a = ask_beside(b, 1).await;
    let processors = b.processors().max(2) as f64;
    let share = a.per_request() / alone * (processors - 1.0) / processors * 100.0;
    b.emit("echo1", a.n, "share", share, "% of the share");
    report(b, "echo1", &a);
}

fn main() {
    let args: Vec<_> = std::env::args().collect();
    if args.len() == 4 && args[1] == "client" {
        let length = Duration::from_millis(args[3].parse().unwrap());
        return kit::runtime(1).block_on(ask(args[2].parse().unwrap(), length));
    }
    kit::run("X6", |b| async move {
        ticker(b, "hogs0", 0).await;
        ticker(b, "hogs1", 1).await;
        ticker(b, "hogsP", b.processors()).await;
        ticker(b, "hogs4P", 4 * b.processors()).await;
        echo_alone(b).await;
        echo_beside_one(b).await;
    });
}
