//! One connection, from accept to its end: it carries out orders, moves bytes, and ends as a toxic, a peer or the
//! proxy's stop wants it.

use std::future::Future;
use std::io;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::Interest;
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::task::yield_now;

use super::flow::{Ending, Flow, Waits, shut_down_writing};
use super::hub::{Command, Hub, Order, Ticket};
use crate::model::Stream;
use crate::pipeline::Cut;

/// Bytes that are taken from a socket before it is closed. Closing one with bytes unread resets it.
const DRAIN_BYTES: usize = 4 << 20;

/// Serves a connection to its end.
pub(super) async fn serve(client: TcpStream, upstream: Arc<str>, ticket: Ticket) {
    let mut connection = Connection::new(ticket);
    let _slow_but_whole = client.set_nodelay(true);
    let dialled = connection.dial(pin!(TcpStream::connect(&*upstream))).await;
    match dialled {
        Ok(upstream) => {
            let _slow_but_whole = upstream.set_nodelay(true);
            let ending = connection.run(&client, &upstream).await;
            end(ending, [client, upstream]);
        }
        Err(ending) => end(ending, [client]),
    }
    connection.settle();
}

/// Ends and closes the sockets: what their peers see of it is decided when this returns.
fn end<const N: usize>(ending: Ending, sockets: [TcpStream; N]) {
    for socket in sockets {
        match ending {
            Ending::Cut(Cut::Reset) | Ending::Broken => {
                let _gone = socket.set_zero_linger();
            }
            Ending::Cut(Cut::Close) | Ending::Done => {
                shut_down_writing(&socket);
                drain(&socket);
            }
        }
    }
}

fn drain(socket: &TcpStream) {
    let mut buffer = [0; 16 << 10];
    let mut drained = 0;
    while let Ok(read @ 1..) = socket.try_read(&mut buffer) {
        drained += read;
        if drained > DRAIN_BYTES {
            return;
        }
    }
}

struct Connection {
    hub: Arc<Hub>,
    up: Flow,
    down: Flow,
    /// Orders that have been carried out when the next turn is over.
    done: Vec<oneshot::Sender<()>>,
    ticket: Ticket,
}

impl Connection {
    fn new(ticket: Ticket) -> Self {
        Self {
            hub: Arc::clone(&ticket.hub),
            up: Flow::new(Stream::Upstream, &ticket),
            down: Flow::new(Stream::Downstream, &ticket),
            done: Vec::new(),
            ticket,
        }
    }

    /// Connects to the upstream, unless the connection ends before. While a direction holds, nothing is connected.
    async fn dial(
        &mut self,
        mut dialling: Pin<&mut impl Future<Output = io::Result<TcpStream>>>,
    ) -> Result<TcpStream, Ending> {
        loop {
            let due = earliest(self.up.idle()?, self.down.idle()?);
            self.settle();
            tokio::select! {
                biased;
                command = self.ticket.commands.recv() => self.obey(command)?,
                dialled = &mut dialling, if !self.holds() => return dialled.map_err(|error| {
                    tracing::warn!(%error, "no connection to the upstream");
                    self.hub.was_unreachable();
                    Ending::Cut(Cut::Close)
                }),
                () = self.hub.clock.until(due), if due.is_some() => {}
            }
        }
    }

    async fn run(&mut self, client: &TcpStream, upstream: &TcpStream) -> Ending {
        loop {
            let turned = self.turn(client, upstream);
            // An ending is reported only once the sockets have had it.
            if turned.is_ok() {
                self.settle();
            }
            let ended = match turned {
                Ok((up, down)) => self.wait(client, upstream, up, down).await.err(),
                Err(Ending::Broken) => Some(self.released().await),
                Err(ending) => Some(ending),
            };
            if let Some(ending) = ended {
                return ending;
            }
        }
    }

    fn turn(&mut self, client: &TcpStream, upstream: &TcpStream) -> Result<(Waits, Waits), Ending> {
        let up = self.up.turn(client, upstream);
        let up = up.or_else(|ending| outlived(ending, &self.up, &self.down))?;
        let down = self.down.turn(upstream, client);
        let down = down.or_else(|ending| outlived(ending, &self.down, &self.up))?;
        if self.up.is_done() && self.down.is_done() {
            return Err(Ending::Done);
        }
        Ok((up, down))
    }

    /// Waits until there is something to do.
    async fn wait(&mut self, client: &TcpStream, upstream: &TcpStream, up: Waits, down: Waits) -> Result<(), Ending> {
        let due = earliest(up.due, down.due);
        tokio::select! {
            biased;
            command = self.ticket.commands.recv() => self.obey(command),
            () = ready(client, up.read, down.write) => Ok(()),
            () = ready(upstream, down.read, up.write) => Ok(()),
            () = yield_now(), if up.again || down.again => Ok(()),
            () = self.hub.clock.until(due), if due.is_some() => Ok(()),
        }
    }

    /// A side is gone. While a direction holds, the other side must not notice: waits until none does.
    async fn released(&mut self) -> Ending {
        while self.holds() {
            let due = match (self.up.idle(), self.down.idle()) {
                (Ok(up), Ok(down)) => earliest(up, down),
                (Err(ending), _) | (_, Err(ending)) => return ending,
            };
            self.settle();
            let obeyed = tokio::select! {
                biased;
                command = self.ticket.commands.recv() => self.obey(command),
                () = self.hub.clock.until(due), if due.is_some() => Ok(()),
            };
            if let Err(ending) = obeyed {
                return ending;
            }
        }
        Ending::Broken
    }

    fn holds(&self) -> bool {
        self.up.holds() || self.down.holds()
    }

    fn obey(&mut self, command: Option<Command>) -> Result<(), Ending> {
        let Some(Command { order, done }) = command else {
            return Err(Ending::Cut(Cut::Close));
        };
        self.done.push(done);
        match order {
            Order::Set(toxic) => self.flow(toxic.spec.stream).set(&toxic),
            Order::Remove(stream, id) => self.flow(stream).remove(id),
            Order::Stop => return Err(Ending::Cut(Cut::Close)),
        }
        Ok(())
    }

    fn flow(&mut self, stream: Stream) -> &mut Flow {
        match stream {
            Stream::Upstream => &mut self.up,
            Stream::Downstream => &mut self.down,
        }
    }

    /// Records the accounts, then reports the orders that have been carried out.
    fn settle(&mut self) {
        self.up.record_accounts();
        self.down.record_accounts();
        for done in self.done.drain(..) {
            let _nobody_waits = done.send(());
        }
    }
}

/// The end of a direction that lost its receiver is not the connection's while the other direction owes bytes, which that
/// receiver had sent before.
fn outlived(ending: Ending, lost: &Flow, other: &Flow) -> Result<Waits, Ending> {
    if ending == Ending::Broken && lost.has_lost_its_target() && other.owes() {
        return Ok(Waits::default());
    }
    Err(ending)
}

fn earliest(one: Option<Duration>, other: Option<Duration>) -> Option<Duration> {
    one.into_iter().chain(other).min()
}

/// Until a socket can be read or written, as far as either is wanted.
async fn ready(socket: &TcpStream, read: bool, write: bool) {
    let interest = match (read, write) {
        (true, true) => Interest::READABLE | Interest::WRITABLE,
        (true, false) => Interest::READABLE,
        (false, true) => Interest::WRITABLE,
        (false, false) => return std::future::pending().await,
    };
    // Its error, if it has one, is met by whoever reads or writes.
    let _error = socket.ready(interest).await;
}
