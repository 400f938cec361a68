//! X12 in Rust with Tokio: an echo server and one of HTTP, a task a connection.

use std::future::Future;
use std::io::Result;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};
use tokio::process::Command;

async fn echo(mut stream: TcpStream) -> Result<()> {
    let mut buffer = [0; 1024];
    loop {
        match stream.read(&mut buffer).await? {
            0 => return Ok(()),
            n => stream.write_all(&buffer[..n]).await?,
        }
    }
}

/// The body is the path.
async fn answer_http(stream: TcpStream) -> Result<()> {
    let mut stream = BufReader::new(stream);
    let (mut request, mut header) = (String::new(), String::new());
    while stream.read_line(&mut request).await? > 0 {
        while header != "\r\n" {
            header.clear();
            if stream.read_line(&mut header).await? == 0 {
                return Ok(());
            }
        }
        header.clear();
        let path = request[5..].split(' ').next().unwrap_or(""); // "GET /path HTTP/1.1"
        let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{path}", path.len());
        stream.get_mut().write_all(answer.as_bytes()).await?;
        request.clear();
    }
    Ok(())
}

async fn serve<T, Talk>(b: &kit::Bench, variant: &str, connections: u32, busy: u32, talk: T) -> Result<()>
where
    T: Fn(TcpStream) -> Talk + Send + 'static,
    Talk: Future<Output = Result<()>> + Send + 'static,
{
    if !b.wants(variant) {
        return Ok(());
    }
    let socket = TcpSocket::new_v4()?;
    socket.bind("127.0.0.1:0".parse().unwrap())?;
    let listener = socket.listen(65535)?;
    let port = listener.local_addr()?.port();
    let accepting = tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(talk(stream));
        }
    });
    let numbers = [std::process::id(), port.into(), connections, busy].map(|n| n.to_string());
    let clients = Command::new(std::env::var("VERSUS_LOAD").expect("the harness says where it is"))
        .args([&numbers[0], &numbers[1], "X12", "tokio", variant, &numbers[2], &numbers[3]])
        .arg(if b.quick { "quick" } else { "full" })
        .status()
        .await?;
    assert!(clients.success());
    accepting.abort();
    Ok(())
}

async fn all(b: &kit::Bench) -> Result<()> {
    serve(b, "busy1000", 1000, 1000, echo).await?;
    serve(b, "conns100", 100, 10, echo).await?;
    serve(b, "conns1000", 1000, 100, echo).await?;
    serve(b, "conns10000", 10_000, 1000, echo).await?;
    serve(b, "conns11000", 11_000, 1000, echo).await?;
    serve(b, "http100", 100, 10, answer_http).await?;
    serve(b, "http1000", 1000, 100, answer_http).await?;
    serve(b, "http10000", 10_000, 1000, answer_http).await
}

fn main() {
    kit::raise_descriptor_limit();
    kit::run("X12", |b| async move { all(b).await.unwrap() });
}
