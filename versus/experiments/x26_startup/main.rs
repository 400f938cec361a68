//! X26 in Rust with Tokio: an empty program, and one whose tasks all sleep.

use std::os::unix::process::CommandExt;
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Barrier;

async fn idle() {
    let begun = Arc::new(Barrier::new(101));
    let sleeper = || {
        let begun = begun.clone();
        tokio::spawn(async move {
            begun.wait().await;
            tokio::time::sleep(Duration::from_secs(3600)).await;
        })
    };
    let tasks: Vec<_> = (0..100).map(|_| sleeper()).collect();
    begun.wait().await;
    println!("done {}", tasks.len());
    for task in tasks {
        task.await.unwrap();
    }
}

fn main() {
    match std::env::var("X26").as_deref() {
        Ok("empty") => kit::runtime(0).block_on(async { println!("done 1") }),
        Ok("idle") => kit::runtime(0).block_on(idle()),
        _ => {
            // To be measured, it hands its place over to the program that does that.
            let clock = std::env::var("VERSUS_LOAD").expect("the harness says where it is");
            let me = std::env::current_exe().unwrap();
            let failed = Command::new(clock).arg("tokio").args(std::env::args_os().skip(1)).arg("--").arg(me).exec();
            panic!("{failed}");
        }
    }
}
