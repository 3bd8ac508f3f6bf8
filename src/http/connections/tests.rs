use std::sync::Arc;
use std::time::Duration;

use actix_web::rt::net::TcpStream;
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::{Accepted, Connections, Limits};

const PATIENCE: Duration = Duration::from_secs(20);

const FOR_EVER: Duration = Duration::from_hours(1);

const LIMITS: Limits = Limits {
    port: "api",
    open: 4,
    newcomers: 2,
    newcomer_for: FOR_EVER,
    idle_for: FOR_EVER,
};

/// A connection at both of its ends.
struct Ends {
    here: TcpStream,
    /// Keeps the other end open.
    _there: TcpStream,
    accepted: Accepted,
}

impl Ends {
    async fn on(connections: &Arc<Connections>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let there = TcpStream::connect(listener.local_addr().unwrap()).await;
        let (here, _) = listener.accept().await.unwrap();
        let accepted = connections.accept(&here).expect("there are files left");
        Self {
            here,
            _there: there.unwrap(),
            accepted,
        }
    }

    /// One on which a request was answered.
    async fn idle_on(connections: &Arc<Connections>) -> Self {
        let ends = Self::on(connections).await;
        let occupation = ends.accepted.occupy();
        ends.accepted.prove();
        drop(occupation);
        ends
    }

    /// Whether the server sees the end of what the client sends.
    async fn is_closed(&mut self) -> bool {
        let read = timeout(PATIENCE, self.here.read(&mut [0])).await;
        matches!(read, Ok(Ok(0)))
    }

    fn is_open(&mut self) -> bool {
        let read = self.here.try_read(&mut [0]);
        read.is_err_and(|error| error.kind() == std::io::ErrorKind::WouldBlock)
    }
}

fn open(connections: &Connections) -> usize {
    connections.table().open
}

#[tokio::test]
async fn the_oldest_newcomer_goes_first_then_what_was_idle_longest_and_never_what_is_occupied() {
    let connections = Connections::new(LIMITS);
    let mut occupied = Ends::on(&connections).await;
    occupied.accepted.prove();
    let occupation = occupied.accepted.occupy();
    let mut idle_first = Ends::idle_on(&connections).await;
    let mut idle_next = Ends::idle_on(&connections).await;
    let mut newcomer = Ends::on(&connections).await;
    assert!(newcomer.is_open() && idle_first.is_open());
    // The fifth and the sixth of four: each is spared itself.
    let mut fifth = Ends::idle_on(&connections).await;
    assert!(newcomer.is_closed().await);
    assert!(idle_first.is_open() && fifth.is_open());
    let mut sixth = Ends::on(&connections).await;
    assert!(idle_first.is_closed().await);
    assert!(idle_next.is_open() && fifth.is_open() && sixth.is_open());
    // One that was used again has been idle for a shorter time than one that was not.
    drop(idle_next.accepted.occupy());
    sixth.accepted.prove();
    let _seventh = Ends::on(&connections).await;
    assert!(fifth.is_closed().await);
    assert!(idle_next.is_open() && sixth.is_open() && occupied.is_open());
    assert_eq!(open(&connections), 7);
    drop((newcomer, idle_first, fifth));
    assert_eq!(open(&connections), 4);
    drop(occupation);
}

#[tokio::test]
async fn newcomers_have_a_bound_of_their_own() {
    let connections = Connections::new(Limits {
        open: 100,
        ..LIMITS
    });
    let mut idle = Ends::idle_on(&connections).await;
    let mut newcomers = Vec::new();
    for _ in 0..4 {
        newcomers.push(Ends::on(&connections).await);
    }
    assert!(newcomers[0].is_closed().await && newcomers[1].is_closed().await);
    assert!(newcomers[2].is_open() && newcomers[3].is_open() && idle.is_open());
}

#[tokio::test]
async fn a_newcomer_that_was_asked_to_go_stays_one_and_is_told_so_by_its_answer() {
    let connections = Connections::new(Limits {
        newcomers: 1,
        ..LIMITS
    });
    let first = Ends::on(&connections).await;
    let second = Ends::on(&connections).await;
    first.accepted.prove();
    second.accepted.prove();
    assert!(first.accepted.is_newcomer() && !second.accepted.is_newcomer());
}

#[tokio::test]
async fn what_has_been_open_or_idle_for_too_long_is_closed_and_nothing_is_left_of_it() {
    let short = Duration::from_millis(10);
    let connections = Connections::new(Limits {
        newcomer_for: short,
        idle_for: short,
        ..LIMITS
    });
    let closing = CancellationToken::new();
    let mut occupied = Ends::on(&connections).await;
    occupied.accepted.prove();
    let occupation = occupied.accepted.occupy();
    let mut ends = [
        Ends::on(&connections).await,
        Ends::idle_on(&connections).await,
    ];
    let seen = async {
        assert!(ends[0].is_closed().await && ends[1].is_closed().await);
        assert!(occupied.is_open());
        drop(occupation);
        assert!(occupied.is_closed().await, "it has been idle since then");
        closing.cancel();
    };
    tokio::join!(connections.watch(&closing), seen);
    drop((ends, occupied));
    assert_eq!(open(&connections), 0);
    assert_eq!(
        format!("{:?}", connections.table())
            .matches("since")
            .count(),
        0
    );
}
