//! X19 in Rust with Tokio: programs that are stuck, each in a process of its own; what are we told?

use std::process::Stdio;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncBufReadExt, AsyncRead, BufReader};
use tokio::process::Command;
use tokio::sync::{mpsc, oneshot, Barrier, Mutex, Semaphore};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout_at};

/// Announces the line that it stands in: of a task that is going to be stuck.
macro_rules! place {
    () => {
        println!("place {}", line!())
    };
}

async fn close() {
    let (sender, mut c) = mpsc::channel(1);
    #[rustfmt::skip]
    let consumer = tokio::spawn(async move {
        place!(); while c.recv().await.is_some() {}
    });
    sender.send(1).await.unwrap(); // and no drop(sender)
    consumer.await.unwrap();
}

#[rustfmt::skip]
async fn group() {
    let all = Arc::new(Semaphore::new(0));
    for _ in 0..3 {
        let all = all.clone();
        tokio::spawn(async move { all.add_permits(1) });
    }
    place!(); drop(all.acquire_many(4).await);
}

#[rustfmt::skip]
async fn promise() {
    let (_promise, answer) = oneshot::channel::<u64>();
    place!(); answer.await.unwrap();
}

#[rustfmt::skip]
async fn lock_both(first: Arc<Mutex<()>>, second: Arc<Mutex<()>>, both: Arc<Barrier>) {
    let _first = first.lock().await;
    both.wait().await;
    place!(); let _second = second.lock().await;
}

fn start_ring() -> [JoinHandle<()>; 2] {
    let (a, b, both) = (Arc::default(), Arc::default(), Arc::new(Barrier::new(2)));
    let one = tokio::spawn(lock_both(Arc::clone(&a), Arc::clone(&b), both.clone()));
    [one, tokio::spawn(lock_both(b, a, both))]
}

async fn locks() {
    for task in start_ring() {
        task.await.unwrap();
    }
}

async fn ring() {
    let _tasks = start_ring();
    tick(Duration::from_secs(3600)).await;
}

/// The sender lives as long as the program is to be stuck.
async fn start_hundred() -> (Vec<JoinHandle<()>>, mpsc::Sender<u64>) {
    let (sender, receiver) = mpsc::channel(1);
    let receiver = Arc::new(Mutex::new(receiver));
    let mut tasks = Vec::new();
    for i in 0..100 {
        let receiver = receiver.clone();
        #[rustfmt::skip]
        tasks.push(tokio::spawn(async move {
            if i == 99 { place!(); } receiver.lock().await.recv().await;
        }));
    }
    for i in 0..97 {
        sender.send(i).await.unwrap();
    }
    (tasks, sender)
}

async fn tick(length: Duration) {
    let end = Instant::now() + length;
    while Instant::now() < end {
        sleep(Duration::from_millis(10)).await;
    }
}

async fn hundred() {
    let (tasks, _sender) = start_hundred().await;
    for task in tasks {
        task.await.unwrap();
    }
}

async fn leak() {
    let _stuck = start_hundred().await;
    tick(Duration::from_millis(300)).await;
}

const CASES: [&str; 7] = ["close", "group", "promise", "locks", "ring", "hundred", "leak"];

async fn plant(name: &str) {
    match name {
        "close" => close().await,
        "group" => group().await,
        "promise" => promise().await,
        "locks" => locks().await,
        "ring" => ring().await,
        "hundred" => hundred().await,
        "leak" => leak().await,
        _ => panic!("no such program: {name}"),
    }
}

fn is_told(text: &str) -> bool {
    let text = text.to_lowercase();
    ["deadlock", "unsettled", "never ended", "still wait"].iter().any(|words| text.contains(words))
}

fn tells_what(text: &str) -> bool {
    let kinds = ["receive", "mutex", "lock", "wait_group", "waitgroup", "latch", "future", "promise", "queue"];
    let text = text.to_lowercase();
    text.split(|c: char| !c.is_alphanumeric() && c != '_').any(|word| kinds.contains(&word))
}

async fn forward(from: impl AsyncRead + Unpin, to: mpsc::Sender<String>) {
    let mut lines = BufReader::new(from).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        if to.send(line).await.is_err() {
            return;
        }
    }
}

/// Facts that the program did not tell, in percent; milliseconds until it told, or ended, or was given up; whether it was stuck.
async fn watch(name: &str, limit: Duration) -> (f64, f64, f64) {
    let mut child = Command::new("/proc/self/exe")
        .args(["--plant", name])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let (heard, mut lines) = mpsc::channel(100);
    tokio::spawn(forward(child.stdout.take().unwrap(), heard.clone()));
    tokio::spawn(forward(child.stderr.take().unwrap(), heard));
    let mut begin = Instant::now();
    let mut over = begin + limit + Duration::from_secs(10);
    let (mut text, mut places, mut took) = (String::new(), Vec::new(), None);
    loop {
        match timeout_at(over.into(), lines.recv()).await {
            Ok(Some(line)) => match line.strip_prefix("place ") {
                Some(place) => {
                    if places.is_empty() {
                        begin = Instant::now();
                        over = begin + limit;
                    }
                    places.push(format!("main.rs:{place}"));
                }
                None => text = text + &line + "\n",
            },
            Ok(None) => {
                took.get_or_insert(begin.elapsed());
                break;
            }
            Err(_) => {
                child.start_kill().unwrap();
                took.get_or_insert(limit);
                over = Instant::now() + Duration::from_secs(10);
            }
        }
        if took.is_none() && is_told(&text) {
            took = Some(begin.elapsed());
        }
    }
    child.wait().await.unwrap();
    let told = is_told(&text);
    let tells_where = !places.is_empty() && places.iter().all(|place| text.contains(place));
    let facts = [told, told && tells_what(&text), told && tells_where].iter().filter(|fact| **fact).count();
    let took = took.unwrap_or(limit).as_secs_f64() * 1e3;
    (100.0 * (3 - facts) as f64 / 3.0, took, if places.is_empty() { 0.0 } else { 1.0 })
}

async fn measure(b: &'static kit::Bench) {
    let limit = Duration::from_secs(if b.quick { 3 } else { 10 });
    let watching: Vec<_> =
        CASES.iter().filter(|name| b.wants(name)).map(|name| (name, tokio::spawn(watch(name, limit)))).collect();
    for (name, watched) in watching {
        let (missing, took, planted) = watched.await.unwrap();
        b.emit(name, 1, "missing", missing, "%");
        b.emit(name, 1, "time", took, "ms");
        b.emit(name, 1, "check", planted, "count");
    }
}

fn main() {
    let args: Vec<_> = std::env::args().collect();
    if args.len() == 3 && args[1] == "--plant" {
        return kit::runtime(0).block_on(plant(&args[2]));
    }
    kit::run("X19", measure);
}
