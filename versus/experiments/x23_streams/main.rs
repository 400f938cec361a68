//! X23 in Rust with Tokio: blocks of 64 KiB from a source through two stages into a sink: duplex streams, and channels of
//! blocks.

use std::future::Future;
use std::time::{Duration, Instant};
use tokio::io::{duplex, AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::sync::mpsc;
use tokio::time::sleep_until;

const SIZE: usize = 64 << 10;
type Block = Vec<u8>;

fn new_block() -> Block {
    vec![0; SIZE]
}

/// Every 64th byte is looked at: the source writes them, the stages add 1 to them, the sink knows what they must be by then.
fn fill(b: &mut [u8], number: usize) {
    for (i, byte) in b.iter_mut().step_by(64).enumerate() {
        *byte = (number + i) as u8;
    }
}

fn step(b: &mut [u8]) {
    for byte in b.iter_mut().step_by(64) {
        *byte = byte.wrapping_add(1);
    }
}

fn is_right(b: &[u8], number: usize) -> u64 {
    u64::from(b.len() == SIZE && b.iter().step_by(64).enumerate().all(|(i, byte)| *byte == (number + i + 2) as u8))
}

/// The slow sink takes 16 blocks (1 MiB) every 5 ms.
async fn keep_slow(number: usize, start: Instant) {
    if number % 16 == 15 {
        sleep_until((start + Duration::from_millis(5) * (number as u32 + 1) / 16).into()).await;
    }
}

// Bytes: a stream copies them in and out.

async fn copy_stage(mut from: DuplexStream, mut to: DuplexStream) {
    let mut b = new_block();
    while from.read_exact(&mut b).await.is_ok() {
        step(&mut b);
        to.write_all(&b).await.unwrap();
    }
}

async fn bytes(n: u64, slow: bool) -> u64 {
    let (mut raw, raw_out) = duplex(SIZE);
    let (half, half_out) = duplex(SIZE);
    let (done, mut done_out) = duplex(SIZE);
    tokio::spawn(async move {
        let mut b = new_block();
        for i in 0..n as usize {
            fill(&mut b, i);
            raw.write_all(&b).await.unwrap();
        }
    });
    tokio::spawn(copy_stage(raw_out, half));
    tokio::spawn(copy_stage(half_out, done));
    let (start, mut right, mut b) = (Instant::now(), 0, new_block());
    for i in 0.. {
        if done_out.read_exact(&mut b).await.is_err() {
            break;
        }
        right += is_right(&b, i);
        if slow {
            keep_slow(i, start).await;
        }
    }
    right
}

// Blocks: a channel hands them over.

async fn blocks(n: u64) -> u64 {
    let (raw, raw_out) = mpsc::channel(1);
    let (half, half_out) = mpsc::channel(1);
    let (done, mut done_out) = mpsc::channel::<Block>(1);
    tokio::spawn(async move {
        for i in 0..n as usize {
            let mut b = new_block();
            fill(&mut b, i);
            raw.send(b).await.unwrap();
        }
    });
    for (mut from, to) in [(raw_out, half), (half_out, done)] {
        tokio::spawn(async move {
            while let Some(mut b) = from.recv().await {
                step(&mut b);
                to.send(b).await.unwrap();
            }
        });
    }
    let (mut right, mut i) = (0, 0);
    while let Some(b) = done_out.recv().await {
        right += is_right(&b, i);
        i += 1;
    }
    right
}

async fn unlimited(n: u64) -> u64 {
    let (raw, raw_out) = mpsc::unbounded_channel();
    let (half, half_out) = mpsc::unbounded_channel();
    let (done, mut done_out) = mpsc::unbounded_channel::<Block>();
    tokio::spawn(async move {
        for i in 0..n as usize {
            let mut b = new_block();
            fill(&mut b, i);
            raw.send(b).unwrap();
        }
    });
    for (mut from, to) in [(raw_out, half), (half_out, done)] {
        tokio::spawn(async move {
            while let Some(mut b) = from.recv().await {
                step(&mut b);
                to.send(b).unwrap();
            }
        });
    }
    let (start, mut right, mut i) = (Instant::now(), 0, 0);
    while let Some(b) = done_out.recv().await {
        right += is_right(&b, i);
        keep_slow(i, start).await;
        i += 1;
    }
    right
}

async fn measure_memory<Flow>(b: &kit::Bench, variant: &str, flow: impl Fn(u64) -> Flow)
where
    Flow: Future<Output = u64>,
{
    if !b.wants(variant) {
        return;
    }
    let n = if b.quick { 512 } else { 2048 };
    let (before, cpu, start) = (kit::peak(), kit::cpu(), Instant::now());
    let right = flow(n).await;
    let (wall, count) = (start.elapsed().as_secs_f64(), n as f64);
    b.emit(variant, n, "memory", (kit::peak() - before).max(0.0) / f64::from(1 << 20), "MiB");
    b.emit(variant, n, "time", wall * 1e6 / count, "us/block");
    b.emit(variant, n, "work", (kit::cpu() - cpu) / 1e3 / count, "us/block");
    b.emit(variant, n, "check", right as f64, "count");
}

fn main() {
    kit::run("X23", |b| async move {
        b.measure("bytes", 1, |n| bytes(n, false)).await;
        b.measure("blocks", 1, blocks).await;
        measure_memory(b, "slow", |n| bytes(n, true)).await;
        measure_memory(b, "unlimited", unlimited).await;
    });
}
