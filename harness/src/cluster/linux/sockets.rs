//! Sockets of a process's network: addresses at which something listens, and connections that only one side has closed.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::cluster::linux::pidfd::Pidfd;

/// The kernel's number for a socket that listens.
const LISTENS: &str = "0A";
/// The kernel's number for a connection that the other side has closed and this one has not (`CLOSE_WAIT`).
const HALF_CLOSED: &str = "08";
/// The engine's own name server in a container's network.
const RESOLVER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 11));

impl Pidfd {
    /// The addresses at which something listens in the process's network, in order. The engine's name server is left out.
    pub(in crate::cluster) fn listening(&self) -> io::Result<Vec<SocketAddr>> {
        let mut found = self.in_state(LISTENS)?;
        found.sort();
        found.dedup();
        Ok(found)
    }

    /// How many connections to a port the other side has closed and the process's network has not.
    pub(in crate::cluster) fn half_closed(&self, port: u16) -> io::Result<usize> {
        let found = self.in_state(HALF_CLOSED)?;
        Ok(found.iter().filter(|at| at.port() == port).count())
    }

    /// This side's addresses of the sockets in a state.
    fn in_state(&self, state: &str) -> io::Result<Vec<SocketAddr>> {
        let folder = format!("/proc/{}/net", self.number.as_raw_nonzero());
        let mut found = addresses(&fs::read_to_string(format!("{folder}/tcp"))?, state);
        // A kernel without IPv6 has no such file.
        let tcp6 = fs::read_to_string(format!("{folder}/tcp6")).unwrap_or_default();
        found.extend(addresses(&tcp6, state));
        Ok(found)
    }
}

/// This side's addresses of the sockets in a state, in the kernel's table of sockets.
fn addresses(table: &str, state: &str) -> Vec<SocketAddr> {
    let rows = table
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    let in_state = rows.filter(|row| row.get(3) == Some(&state));
    let found = in_state.filter_map(|row| address(row.get(1)?));
    found.filter(|found| found.ip() != RESOLVER).collect()
}

/// An address as the kernel writes it: words of 32 bits in the machine's own order, in hexadecimal digits, and a port.
fn address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let words = ip.as_bytes().chunks(8).map(|word| {
        let word = std::str::from_utf8(word).ok()?;
        u32::from_str_radix(word, 16).ok().map(u32::to_ne_bytes)
    });
    let bytes = words.collect::<Option<Vec<_>>>()?.concat();
    let ip = match bytes.len() {
        4 => IpAddr::from(<[u8; 4]>::try_from(bytes).ok()?),
        16 => IpAddr::from(Ipv6Addr::from(<[u8; 16]>::try_from(bytes).ok()?)),
        _ => return None,
    };
    Some(SocketAddr::new(ip.to_canonical(), u16::from_str_radix(port, 16).ok()?))
}

#[cfg(test)]
mod tests {
    use std::net::{TcpListener, TcpStream};
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    #[cfg(target_endian = "little")]
    fn sockets_that_listen_are_found_in_the_kernel_s_table() {
        let table = "  sl  local_address rem_address   st tx_queue\n\
                     0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000\n\
                     1: 00000000:0050 00000000:0000 0A 00000000:00000000 00:00000000\n\
                     2: 0100007F:0051 0100007F:0052 01 00000000:00000000 00:00000000\n\
                     3: 0B00007F:9C41 00000000:0000 0A 00000000:00000000 00:00000000\n\
                     4: 00000000000000000000000001000000:1F91 0:0 0A\n\
                     5: 0000000000000000FFFF00000100007F:1F92 0:0 0A\n\
                     6: nonsense\n\
                     7: 0100007F:1F90 0100007F:0052 08 00000000:00000000 00:00000000\n";
        let found = |state| -> Vec<String> { addresses(table, state).iter().map(SocketAddr::to_string).collect() };
        assert_eq!(
            found(LISTENS),
            ["127.0.0.1:8080", "0.0.0.0:80", "[::1]:8081", "127.0.0.1:8082"]
        );
        assert_eq!(found(HALF_CLOSED), ["127.0.0.1:8080"]);
    }

    #[test]
    fn this_process_s_own_socket_is_found() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let own = Pidfd::of_self().expect("a pidfd").listening().expect("the table");
        assert!(own.contains(&listener.local_addr().expect("its address")), "{own:?}");
    }

    #[test]
    fn a_connection_counts_as_half_closed_from_when_its_client_goes_until_it_is_closed() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let at = listener.local_addr().expect("its address");
        let half_closed = || {
            Pidfd::of_self()
                .expect("a pidfd")
                .half_closed(at.port())
                .expect("the table")
        };
        let comes_to = |expected: usize| {
            let began = Instant::now();
            while half_closed() != expected {
                assert!(
                    began.elapsed() < Duration::from_secs(5),
                    "{} and not {expected}",
                    half_closed()
                );
                std::thread::yield_now();
            }
        };
        let client = TcpStream::connect(at).expect("connected");
        let (served, _) = listener.accept().expect("accepted");
        assert_eq!(half_closed(), 0);
        drop(client);
        comes_to(1);
        drop(served);
        comes_to(0);
    }
}
