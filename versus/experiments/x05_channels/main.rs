//! X5 in Rust with Tokio: channels, select, a lock and a timer.

use std::future::ready;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, Mutex};
use tokio::task::unconstrained;

/// One task sends, one receives.
async fn one_to_one(rounds: u64, capacity: usize) -> u64 {
    let (sender, mut c) = mpsc::channel(capacity);
    tokio::spawn(async move {
        for i in 0..rounds {
            sender.send(i & 1023).await.unwrap();
        }
    });
    let mut sum = 0;
    while let Some(v) = c.recv().await {
        sum += v;
    }
    sum
}

/// Four send, four receive, on one channel of 128. It has one receiver, which the four take in turns.
async fn four_to_four(rounds: u64) -> u64 {
    let (sender, c) = mpsc::channel(128);
    let c = Arc::new(Mutex::new(c));
    for _ in 0..4 {
        let sender = sender.clone();
        tokio::spawn(async move {
            for i in 0..rounds {
                sender.send(i & 1023).await.unwrap();
            }
        });
    }
    drop(sender);
    let receive = |c: Arc<Mutex<mpsc::Receiver<u64>>>| async move {
        let mut sum = 0;
        loop {
            let next = c.lock().await.recv().await;
            match next {
                Some(v) => sum += v,
                None => return sum,
            }
        }
    };
    let receivers: Vec<_> = (0..4).map(|_| tokio::spawn(receive(c.clone()))).collect();
    let mut sum = 0;
    for receiver in receivers {
        sum += receiver.await.unwrap();
    }
    sum
}

/// One task selects over four channels of one value; each has a sender.
async fn select_of_four(rounds: u64) -> u64 {
    let channel = || {
        let (sender, c) = mpsc::channel(1);
        tokio::spawn(async move {
            for i in 0..rounds {
                sender.send(i & 1023).await.unwrap();
            }
        });
        c
    };
    let (mut a, mut b, mut c, mut d) = (channel(), channel(), channel(), channel());
    let mut sum = 0;
    for _ in 0..4 * rounds {
        sum += tokio::select! {
            Some(v) = a.recv() => v,
            Some(v) = b.recv() => v,
            Some(v) = c.recv() => v,
            Some(v) = d.recv() => v,
        };
    }
    sum
}

/// Four channels, all empty: each is asked.
async fn select_default(rounds: u64) -> u64 {
    let mut channels: Vec<_> = (0..4).map(|_| mpsc::channel::<u64>(1)).collect();
    let mut defaults = 0;
    for _ in 0..rounds {
        if channels.iter_mut().all(|(_, c)| c.try_recv().is_err()) {
            defaults += 1;
        }
    }
    defaults
}

async fn uncontended_mutex(rounds: u64) -> u64 {
    let counter = Mutex::new(0);
    for _ in 0..rounds {
        *counter.lock().await += 1;
    }
    counter.into_inner()
}

/// Start a timer of an hour, stop it before it fires. A timer is a future: the first poll starts it, and whoever drops it
/// stops it.
async fn timer(rounds: u64) -> u64 {
    let mut stopped = 0;
    for _ in 0..rounds {
        let polled_once = async {
            tokio::select! {
                biased;
                _ = tokio::time::sleep(Duration::from_secs(3600)) => 0,
                _ = ready(()) => 1,
            }
        };
        // Unconstrained: a task that has done much without a pause is told "not yet" before the timer is started.
        stopped += unconstrained(polled_once).await;
    }
    stopped
}

fn main() {
    kit::run("X5", |b| async move {
        b.measure("buffered", 1, |rounds| one_to_one(rounds, 128)).await;
        b.measure("unbuffered", 1, |rounds| one_to_one(rounds, 1)).await;
        b.measure("mpmc", 4, four_to_four).await;
        b.measure("select", 4, select_of_four).await;
        b.measure("default", 1, select_default).await;
        b.measure("mutex", 1, uncontended_mutex).await;
        b.measure("timer", 1, timer).await;
    });
}
