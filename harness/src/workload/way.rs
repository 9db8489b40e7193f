//! The way of a request: straight to a pod, or through an entry of the edge.

use std::net::SocketAddr;

use super::api::Api;
use super::edge::EdgeClient;
use crate::history::PodName;

/// The way of a request.
#[derive(Clone)]
pub struct Way {
    /// The calls, sent this way.
    pub api: Api,
    /// Where they are sent.
    pub at: SocketAddr,
    /// The pod that is asked; the edge, by its name, if nobody knows who will answer.
    pub asked: PodName,
    /// The client of the edge, if it leads through one.
    pub client: Option<EdgeClient>,
}

impl Way {
    /// The way to a pod that listens there.
    pub fn to(api: &Api, pod: &PodName, at: SocketAddr) -> Self {
        Self {
            api: api.clone(),
            at,
            asked: pod.clone(),
            client: None,
        }
    }

    /// The way of a client of the edge, which is the part of that name.
    pub fn through(api: &Api, client: &EdgeClient, edge: &str) -> Self {
        Self {
            api: api.through(client),
            at: client.at(),
            asked: edge.into(),
            client: Some(client.clone()),
        }
    }
}
