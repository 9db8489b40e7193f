//! A cluster that is kept: bad days of others on the same machine must not cost it.

use std::net::{Ipv4Addr, TcpListener};

use rustix::process::Signal;

use crate::command::await_true;
use crate::home::{CLUSTER, Home, PARTS};
use crate::signals::stops;

/// A story that freezes a pod for longer than a look at the engine takes.
pub(crate) const FREEZES_A_POD: &str = "owner_paused_past_its_lease";

#[test]
fn a_kept_cluster_has_its_port_outlives_what_fails_beside_and_on_it_and_goes_with_down() {
    let home = Home::on_the_engine();
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = free.local_addr().expect("bound").port().to_string();
    drop(free);
    let up = home.run(&["up", "--postgres-port", &port]);
    assert_eq!(up.code(), Some(0), "{}", up.all());
    let url = format!("psql postgres://crosspod:crosspod@127.0.0.1:{port}/");
    assert!(up.stdout.contains(&url), "{}", up.all());

    let second = home.run(&["up", "--postgres-port", &port]);
    second.says(&[&format!("port {port} of 127.0.0.1, asked for postgres, is in use")]);
    assert_eq!(running_parts(&home), PARTS, "the first is whole");

    let mut run = home.start(&["run", FREEZES_A_POD]);
    run.await_line(": using the kept cluster", CLUSTER);
    await_true("a pod that the story has frozen", CLUSTER, || home.frozen() == 1);
    stops(run, Signal::TERM);
    assert_eq!(running_parts(&home), PARTS, "the run's breakage is healed");
    assert_eq!(home.frozen(), 0, "the run's breakage is healed");

    let down = home.run(&["down"]);
    assert_eq!(down.code(), Some(0), "{}", down.all());
    home.is_clean();
}

fn running_parts(home: &Home) -> usize {
    home.containers(&["--filter", "status=running"]).len()
}
