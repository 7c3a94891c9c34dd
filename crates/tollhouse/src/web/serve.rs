//! Answering on a socket, until told to end.

use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::limits::PATIENCE;

/// Connections at once; more wait in the system's queue.
const CONNECTIONS: usize = 256;
/// How long a connection may last: time to ask, to be answered, and to take the answer in.
const LONGEST: Duration = Duration::from_secs(60);

/// Serves a router on a TCP or Unix socket. When `shutdown` comes, nobody else is let in, and whoever is being answered has
/// as long as any request has.
///
/// A connection carries one request. So each has an end that a client who says nothing, or takes nothing, cannot put off;
/// `axum::serve` would wait for such a one for ever.
pub async fn serve<L: Listener>(mut listener: L, router: Router, shutdown: impl Future<Output = ()>) -> io::Result<()> {
    let open = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(CONNECTIONS));
    let mut shutdown = pin!(shutdown);
    loop {
        let (io, place) = tokio::select! {
            () = &mut shutdown => break,
            next = accept(&mut listener, &places) => next?,
        };
        let service = TowerToHyperService::new(router.clone());
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(PATIENCE)
            .keep_alive(false)
            .serve_connection(TokioIo::new(io), service);
        let connection = open.watch(connection);
        tokio::spawn(async move {
            // How it ends, and whether in time, is between the client and its network.
            let _nobody_asks = tokio::time::timeout(LONGEST, connection).await;
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(PATIENCE, open.shutdown()).await.is_err() {
        tracing::warn!("some connections did not end in time and are cut");
    }
    Ok(())
}

async fn accept<L: Listener>(listener: &mut L, places: &Arc<Semaphore>) -> io::Result<(L::Io, OwnedSemaphorePermit)> {
    let place = places.clone().acquire_owned().await.map_err(io::Error::other)?;
    let (io, _) = listener.accept().await;
    Ok((io, place))
}
