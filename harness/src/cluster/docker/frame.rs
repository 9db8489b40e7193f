//! Needs of a cluster's compose file beyond the user's file and the description: labels, images, users, ports.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};

use crate::cluster::docker::compose::generate::ground::Frame;
use crate::cluster::docker::engine::Engine;
use crate::cluster::docker::engine::labels;
use crate::cluster::docker::images::image::{ImageFor, Images};
use crate::cluster::part::error::ClusterError;
use crate::cluster::part::role::Role;
use crate::cluster::spec::ClusterSpec;

/// The engines' words for a port that is in use.
const TAKEN: [&str; 2] = ["port is already allocated", "address already in use"];

impl ClusterSpec {
    /// The frame of the spec's file. `images` are those of crosspod's own parts, by name.
    pub(in crate::cluster) fn frame(&self, engine: &Engine, images: &Images, built: BTreeMap<String, String>) -> Frame {
        let own = |part| images.reference(part).unwrap_or_default().to_owned();
        let mut labels = labels::of_cluster(&self.run, &self.project(), self.slot, self.kept);
        labels.insert(labels::DESIGN.to_owned(), self.design.clone());
        labels.insert(labels::DEFECTS.to_owned(), self.defects.join(","));
        Frame {
            labels,
            part_label: labels::PART,
            links_image: own(ImageFor::Links),
            provider_image: own(ImageFor::MockAi),
            user: engine.own_user(),
            postgres_port: self.postgres_port,
            built,
            log_level: "info".to_owned(),
        }
    }

    /// Refuses a port that another program of this machine uses. Without an engine on this machine nothing is checked.
    pub(in crate::cluster) fn check_port(&self, engine: &Engine) -> Result<(), ClusterError> {
        let Some(port) = self.postgres_port.filter(|_| engine.is_here()) else {
            return Ok(());
        };
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Err(error) if error.kind() == ErrorKind::AddrInUse => Err(self.port_in_use(port)),
            // The engine may be permitted to bind a port that this user may not.
            _ => Ok(()),
        }
    }

    /// Turns Compose's failure over a port into [`ClusterError::PortInUse`]: some engines hold ports without a socket, so that
    /// [`ClusterSpec::check_port`] cannot see them.
    pub(in crate::cluster) fn explain(&self, error: ClusterError) -> ClusterError {
        match (&error, self.postgres_port) {
            (ClusterError::Command { stderr, .. }, Some(port)) if TAKEN.iter().any(|sign| stderr.contains(sign)) => {
                self.port_in_use(port)
            }
            _ => error,
        }
    }

    fn port_in_use(&self, port: u16) -> ClusterError {
        let database = self.system.in_role(Role::Postgres);
        ClusterError::PortInUse {
            service: database.map_or_else(|| "the database".to_owned(), |part| part.service.clone()),
            port,
        }
    }
}
