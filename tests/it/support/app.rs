//! The gateway inside the test's own process: fast to start, on the same code path as the binary.

use std::net::SocketAddr;
use std::ops::Deref;
use std::sync::LazyLock;
use std::time::Duration;

use modgate::config::Settings;
use modgate::domain::{Kind, Scope};
use modgate::server::Server;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::eventually::eventually;
use super::persona::Persona;
use super::world::{World, token};

/// Every right that a moderator can have.
pub(crate) static MODERATOR: LazyLock<Vec<&str>> = LazyLock::new(|| {
    let mut scopes: Vec<&str> = Kind::ALL.iter().map(|kind| kind.scope().as_str()).collect();
    scopes.dedup();
    scopes
});

/// The scopes of someone with every right.
pub(crate) static EVERYTHING: LazyLock<Vec<&str>> =
    LazyLock::new(|| Scope::all().iter().map(|scope| scope.as_str()).collect());

/// A running gateway and its world. Stopped by [`TestApp::stop`], which checks what must hold
/// after every test.
#[derive(Debug)]
pub(crate) struct TestApp {
    world: World,
    pub(crate) addr: SocketAddr,
    pub(crate) ops_addr: SocketAddr,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl TestApp {
    pub(crate) async fn start() -> Self {
        Self::in_world(World::new().await).await
    }

    pub(crate) async fn in_world(world: World) -> Self {
        // The simulator is new: nobody can have called it before.
        let app = Self::in_world_after(world, Duration::ZERO).await;
        let operator = app.operator();
        eventually("there are permits", Duration::from_secs(20), async || {
            (operator.get("/readyz").await.status == 200).then_some(())
        })
        .await;
        app
    }

    /// A gateway that grants nothing for `cold_start`.
    pub(crate) async fn in_world_after(world: World, cold_start: Duration) -> Self {
        Self::in_world_with(world, |settings| settings.limit.cold_start = cold_start).await
    }

    /// A gateway with what no variable can set. It need not be ready.
    pub(crate) async fn in_world_with(world: World, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings =
            Settings::read(&world.environment()).expect("the tests' settings are right");
        change(&mut settings);
        let server = Server::bind(settings).await.expect("the gateway starts");
        let (addr, ops_addr) = (server.addr(), server.ops_addr());
        let stop = CancellationToken::new();
        let stopped = stop.clone().cancelled_owned();
        let serving =
            tokio::spawn(async move { server.run(stopped).await.expect("the gateway runs") });
        Self {
            world,
            addr,
            ops_addr,
            stop,
            serving,
        }
    }

    pub(crate) fn moderator(&self, subject: &str) -> Persona {
        Persona::new(self.addr, Some(token(subject, &MODERATOR)))
    }

    pub(crate) fn auditor(&self) -> Persona {
        Persona::new(self.addr, Some(token("auditor", &["audit:read"])))
    }

    pub(crate) fn anonymous(&self) -> Persona {
        Persona::new(self.addr, None)
    }

    /// Someone who asks the operations port.
    pub(crate) fn operator(&self) -> Persona {
        Persona::new(self.ops_addr, None)
    }

    /// Stops the gateway as SIGTERM would.
    pub(crate) async fn shut_down(self) -> World {
        self.stop.cancel();
        self.serving
            .await
            .expect("the gateway stops without a panic");
        self.world
    }

    /// Stops the gateway and checks what must hold after every test.
    pub(crate) async fn stop(self) {
        self.shut_down().await.assert_the_record_is_whole().await;
    }
}

impl Deref for TestApp {
    type Target = World;

    fn deref(&self) -> &World {
        &self.world
    }
}
