//! The native server: the HTTP service over hyper and tokio, for self-hosting.
//!
//! It has the same timeouts as the Worker.

mod metrics;
mod objects;
mod page;
mod rate;
mod upload;

use std::{
    future::poll_fn,
    hash::{BuildHasher, RandomState},
    io::{self, Write},
    net::{IpAddr, SocketAddr},
    pin::Pin,
    process::exit,
    sync::{Arc, OnceLock},
    task::{Context, Poll},
    time::{Duration, Instant},
};

use http::{Method, Request, Response, Uri};
use http_body::{Body, Frame, SizeHint};
use hyper::{body::Incoming, server::conn::http1, service::service_fn};
use hyper_util::{
    rt::{TokioIo, TokioTimer},
    server::graceful::{GracefulShutdown, Watcher},
};
use recompress::{Limits, save::Words};
use recompress_http::{
    Platform, Service, Settings, Visit,
    store::{Sweep, Swept},
};
use tokio::{
    io::Interest,
    net::{TcpListener, TcpStream},
    runtime,
    signal::unix::{SignalKind, signal},
    task::block_in_place,
    time::{sleep, timeout},
};
use tokio_io_timeout::TimeoutStream;

use self::{objects::Objects, page::Page, rate::Rate, upload::UploadBody};
use crate::{arguments::Serve, machine};

/// Bytes of the parts of results that are on their way into the store, at least.
const LEAST_BUFFERS: u64 = 20 << 20;

/// Serves until the process is told to end. `words` are those of binary saves.
pub fn serve(words: Words, arguments: Serve) -> io::Result<()> {
    let variables = std::env::vars_os().filter_map(|(name, value)| {
        // A value that is not Unicode is invalid; it must not count as unset.
        Some((name.into_string().ok()?, value.to_string_lossy().into_owned()))
    });
    let settings = Settings::from_variables(Limits::WORKER, variables).unwrap_or_else(|wrong| {
        eprintln!("recompress: misconfigured: {wrong}");
        exit(2)
    });
    let settings = settings.with_most_unread(arguments.max_unread);
    let page = Page::open(arguments.page.as_deref())?;
    let memory = arguments.memory.unwrap_or_else(machine::share);
    let platform = Platform {
        sleep: Some(|time| Box::pin(sleep(time))),
        now,
        decode_name: Some(crate::names::decode),
        log: Some(log),
        ..Platform::default()
    };
    let runtime = runtime::Builder::new_multi_thread().enable_all().build()?;
    let store = match &arguments.store {
        Some(place) => Some(runtime.block_on(Objects::open(place))?),
        None => None,
    };
    let buffers = LEAST_BUFFERS.max(memory / 4);
    let service = Service::new(settings, memory, platform).with_words(words).with_buffers(buffers);
    let rate = arguments.rate.map(Rate::new);
    let server = Arc::new(Server { service, page, memory, store, rate, arguments });
    runtime.block_on(server.run())
}

/// Writes a line of the log. A failed write is ignored: it must not fail the request.
fn log(line: &str) {
    metrics::count(line);
    let _ = writeln!(io::stdout().lock(), "{line}");
}

/// Milliseconds since the first call.
fn now() -> u64 {
    static START: OnceLock<Instant> = OnceLock::new();
    u64::try_from(START.get_or_init(Instant::now).elapsed().as_millis()).unwrap_or(u64::MAX)
}

struct Server {
    service: Service,
    page: Page,
    memory: u64,
    store: Option<Objects>,
    rate: Option<Rate>,
    arguments: Serve,
}

impl Server {
    async fn run(self: Arc<Self>) -> io::Result<()> {
        let listener = TcpListener::bind(SocketAddr::new(self.arguments.address, self.arguments.port)).await?;
        // One line, because scripts wait for the first.
        let (megabytes, address) = (self.memory / 1_000_000, listener.local_addr()?);
        println!("recompress: {megabytes} MB of memory for all requests together, listening on http://{address}/");
        let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        if let Some(store) = &self.store {
            tokio::spawn(sweep(store.clone(), self.arguments.sweep, self.arguments.orphan_age));
        }
        let graceful = GracefulShutdown::new();
        // Ends at a signal.
        loop {
            tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok((stream, client)) => {
                        tokio::spawn(Arc::clone(&self).attend(stream, client.ip(), graceful.watcher()));
                    }
                    // The connection is gone already, or the process has too many: retry after a pause.
                    Err(error) => {
                        eprintln!("recompress: accept: {error}");
                        sleep(Duration::from_millis(100)).await;
                    }
                },
                _ = terminate.recv() => break,
                _ = interrupt.recv() => break,
            }
        }
        drop(listener);
        // Open requests may finish within the grace period.
        let open = graceful.count();
        if timeout(self.arguments.grace, graceful.shutdown()).await.is_err() {
            eprintln!("recompress: ended with some of {open} connections still open");
            // Exit here, not by dropping the runtime: a conversion in the middle of its work would find no timers and panic.
            exit(0);
        }
        Ok(())
    }

    /// Answers the requests of one connection.
    async fn attend(self: Arc<Self>, stream: TcpStream, client: IpAddr, watcher: Watcher) {
        let Ok((stream, lost)) = watched(stream) else { return };
        // A client that reads nothing would keep its conversion's memory for ever.
        let mut stream = TimeoutStream::new(stream);
        stream.set_write_timeout(Some(self.arguments.unread));
        let service = service_fn(|request| Working(Box::pin(self.answer(request, client))));
        let connection = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(self.arguments.idle)
            .serve_connection(TokioIo::new(Box::pin(stream)), service);
        tokio::select! {
            // The request's log line has the reason of a failed connection.
            _ = watcher.watch(connection) => {}
            () = lost => {}
        }
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        client: IpAddr,
    ) -> Result<Response<Working<recompress_http::Body<UploadBody>>>, io::Error> {
        if let Some(file) = self.page.answer(&request) {
            return Ok(file.map(Working));
        }
        let id = format!("{:016x}", RandomState::new().hash_one(()));
        let over_rate = async { self.rate.as_ref().is_some_and(|rate| rate.is_over(client, now())) };
        let visit = Visit { id, over_rate, storage: self.store.as_ref().map(Objects::storage) };
        let idle = self.arguments.idle;
        let mut request = request.map(|body| UploadBody::new(body, idle));
        if request.method() == Method::GET && request.uri().path() == "/metrics" {
            *request.uri_mut() = Uri::from_static("/health");
            let mut health = self.service.serve(request, visit).await.into_body();
            let frame = poll_fn(|cx| Pin::new(&mut health).poll_frame(cx)).await;
            let health = frame.and_then(|frame| frame.ok()?.into_data().ok()).unwrap_or_default();
            return Ok(recompress_http::text(metrics::CONTENT_TYPE, metrics::text(&health)).map(Working));
        }
        let mut response = self.service.serve(request, visit).await;
        // Its own task, so that it goes on while the client does not read.
        if let Some(job) = response.body_mut().take_job() {
            tokio::spawn(Working(job));
        }
        Ok(response.map(Working))
    }
}

/// Deletes what has expired, and what killed uploads have left, every so often.
async fn sweep(store: Objects, every: Duration, orphan_age: Duration) {
    // Ends with the server.
    loop {
        let sweep = Sweep { orphan_age: orphan_age.as_secs(), most: usize::MAX };
        match sweep.run(&store.storage()).await {
            Ok(swept) => {
                let unfinished = store.forget_unfinished(orphan_age).unwrap_or_default();
                let Swept { blobs, expired, orphans, .. } = swept;
                log(&format!(
                    r#"{{"sweep":{{"blobs":{blobs},"expired":{expired},"orphans":{orphans},"unfinished":{unfinished}}}}}"#
                ));
            }
            Err(error) => eprintln!("recompress: the sweep failed: {error}"),
        }
        sleep(every).await;
    }
}

/// The stream, and a future that completes when the connection is lost. hyper notices a loss only when it reads, and it does
/// not read while a request waits for memory.
fn watched(stream: TcpStream) -> io::Result<(TcpStream, impl Future<Output = ()>)> {
    stream.set_nodelay(true)?;
    let stream = stream.into_std()?;
    let other = TcpStream::from_std(stream.try_clone()?)?;
    let lost = async move {
        // It fails only when the runtime ends.
        let _ = other.ready(Interest::ERROR).await;
    };
    Ok((TcpStream::from_std(stream)?, lost))
}

/// A future or body that computes for up to some seconds when polled. Other tasks move to another thread meanwhile.
struct Working<T>(T);

impl<F: Future + Unpin> Future for Working<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<F::Output> {
        block_in_place(|| Pin::new(&mut self.0).poll(cx))
    }
}

impl<B: Body + Unpin> Body for Working<B> {
    type Data = B::Data;
    type Error = B::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<B::Data>, B::Error>>> {
        block_in_place(|| Pin::new(&mut self.0).poll_frame(cx))
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}
