//! X4 in Rust with Tokio: what it costs to let another task run.

use tokio::sync::mpsc;
use tokio::task::yield_now;

/// Two tasks yield to each other.
async fn yields(rounds: u64) -> u64 {
    let turn = || async move {
        let mut n = 0;
        for _ in 0..rounds {
            yield_now().await;
            n += 1;
        }
        n
    };
    let (a, b) = (tokio::spawn(turn()), tokio::spawn(turn()));
    a.await.unwrap() + b.await.unwrap()
}

/// One round trip over two channels of one value: Tokio has no rendezvous.
async fn pingpong(rounds: u64) -> u64 {
    let (ping, mut pings) = mpsc::channel(1);
    let (pong, mut pongs) = mpsc::channel(1);
    tokio::spawn(async move {
        while let Some(v) = pings.recv().await {
            pong.send(v).await.unwrap();
        }
    });
    let mut sum = 0;
    for i in 0..rounds {
        ping.send(i & 1023).await.unwrap();
        sum += pongs.recv().await.unwrap();
    }
    sum
}

fn main() {
    kit::run("X4", |b| async move {
        b.measure("yield", 2, yields).await;
        b.measure("pingpong", 1, pingpong).await;
    });
}
