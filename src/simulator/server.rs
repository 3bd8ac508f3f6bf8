//! The two listeners and the thread they run on.

use std::{
    io,
    net::TcpListener,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
        mpsc,
    },
    time::Duration,
};

use actix_web::{App, HttpServer, dev::ServerHandle, rt, web};
use tokio::sync::mpsc::UnboundedReceiver;

use super::{backend::Backend, control, exchange, exchange::Connection};

const LARGEST_REQUEST_BYTES: usize = 4 * 1024 * 1024;
/// After it, connections that are still open are left to the operating system.
const LONGEST_WAIT_FOR_CONNECTIONS: Duration = Duration::from_secs(2);

/// What the thread is told while it runs; it ends when the sender is dropped.
#[derive(Debug)]
pub(super) enum Order {
    /// Close the REST listener and cut its connections.
    Stop { done: mpsc::Sender<io::Result<()>> },
    /// Listen for REST calls again.
    Listen {
        listener: TcpListener,
        done: mpsc::Sender<io::Result<()>>,
    },
}

/// Runs both servers until the orders end.
pub(super) fn run(
    backend: Arc<Backend>,
    control_listener: TcpListener,
    mut orders: UnboundedReceiver<Order>,
) -> io::Result<()> {
    let backend = web::Data::from(backend);
    rt::System::new().block_on(async move {
        let control = serve_control(backend.clone(), control_listener)?;
        let mut rest: Option<RestServer> = None;
        while let Some(order) = orders.recv().await {
            let previous = rest.take();
            if let Some(previous) = previous {
                previous.stop().await;
            }
            // A caller that has stopped waiting needs no report.
            match order {
                Order::Stop { done } => done.send(Ok(())).ok(),
                Order::Listen { listener, done } => {
                    let started = RestServer::start(backend.clone(), listener);
                    done.send(started.map(|server| rest = Some(server))).ok()
                }
            };
        }
        if let Some(rest) = rest {
            rest.stop().await;
        }
        control.stop(false).await;
        Ok(())
    })
}

fn serve_control(backend: web::Data<Backend>, listener: TcpListener) -> io::Result<ServerHandle> {
    let server = HttpServer::new(move || {
        App::new()
            .app_data(backend.clone())
            .configure(control::routes)
    })
    .workers(1)
    .disable_signals()
    .listen(listener)?
    .run();
    let handle = server.handle();
    rt::spawn(server);
    Ok(handle)
}

struct RestServer {
    handle: ServerHandle,
    open_connections: Arc<AtomicUsize>,
}

impl RestServer {
    fn start(backend: web::Data<Backend>, listener: TcpListener) -> io::Result<Self> {
        let open_connections = Arc::new(AtomicUsize::new(0));
        let open = Arc::clone(&open_connections);
        let keep_alive = backend.held().settings.keep_alive;
        let server = HttpServer::new(move || {
            App::new()
                .app_data(backend.clone())
                .app_data(web::PayloadConfig::new(LARGEST_REQUEST_BYTES))
                .default_service(web::to(exchange::answer))
        })
        .on_connect(move |stream, data| Connection::remember(stream, data, &open))
        .keep_alive(keep_alive)
        .workers(1)
        .disable_signals()
        .listen(listener)?
        .run();
        let handle = server.handle();
        rt::spawn(server);
        Ok(Self {
            handle,
            open_connections,
        })
    }

    /// Returns when the port is closed and the connections are cut, which happens on another
    /// thread.
    async fn stop(self) {
        self.handle.stop(false).await;
        let gone = async {
            while self.open_connections.load(Ordering::SeqCst) > 0 {
                rt::time::sleep(Duration::from_millis(1)).await;
            }
        };
        rt::time::timeout(LONGEST_WAIT_FOR_CONNECTIONS, gone)
            .await
            .ok();
    }
}
