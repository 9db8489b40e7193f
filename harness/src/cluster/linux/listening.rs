//! Addresses at which something listens in a process's network.

use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::cluster::linux::pidfd::Pidfd;

/// The kernel's number for a socket that listens.
const LISTENS: &str = "0A";
/// The engine's own name server in a container's network.
const RESOLVER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 11));

impl Pidfd {
    /// The addresses at which something listens in the process's network, in order. The engine's name server is left out.
    pub(in crate::cluster) fn listening(&self) -> io::Result<Vec<SocketAddr>> {
        let folder = format!("/proc/{}/net", self.number.as_raw_nonzero());
        let mut found = addresses(&fs::read_to_string(format!("{folder}/tcp"))?);
        // A kernel without IPv6 has no such file.
        found.extend(addresses(
            &fs::read_to_string(format!("{folder}/tcp6")).unwrap_or_default(),
        ));
        found.sort();
        found.dedup();
        Ok(found)
    }
}

/// The addresses of sockets that listen, in the kernel's table of sockets.
fn addresses(table: &str) -> Vec<SocketAddr> {
    let rows = table
        .lines()
        .skip(1)
        .map(|line| line.split_whitespace().collect::<Vec<_>>());
    let listening = rows.filter(|row| row.get(3) == Some(&LISTENS));
    let found = listening.filter_map(|row| address(row.get(1)?));
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
    use std::net::TcpListener;

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
                     6: nonsense\n";
        let found: Vec<String> = addresses(table).iter().map(SocketAddr::to_string).collect();
        assert_eq!(found, ["127.0.0.1:8080", "0.0.0.0:80", "[::1]:8081", "127.0.0.1:8082"]);
    }

    #[test]
    fn this_process_s_own_socket_is_found() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let own = Pidfd::of_self().expect("a pidfd").listening().expect("the table");
        assert!(own.contains(&listener.local_addr().expect("its address")), "{own:?}");
    }
}
