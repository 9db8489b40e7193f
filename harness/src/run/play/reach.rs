//! Proves the set-up of a slot before anything is judged on it: each pod reaches each part through its link.
//!
//! Each pod is posted turns of one token until it has run one, by the database's word. Then bytes must have come back
//! through each of its links. Where the owner of a turn cannot be read, each pod is posted one turn, and bytes of the provider
//! must have come back to one of them. A turn that fails although they did is the pod's fault, and the judge's to find; a link that
//! carried nothing is a fault of the set-up (a proxy, a wrong address), of which no finding may be made.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use crosspod_links::client::ClientError;
use crosspod_links::model::ProxyEffects;
use futures_util::future::{join_all, try_join_all};

use crate::cluster::Role;
use crate::history::{Capability, MessageId, Outcome, PodName, ThreadId, TurnId, TurnKey};
use crate::plan::Answer;
use crate::run::slot::Slot;
use crate::wait::{self, Look};
use crate::workload::{Message, Session, Who};

/// Name of the provider in a pod's network.
const PROVIDER: &str = "provider";
/// How often a pod is posted a turn that it may run itself. Any pod may run any turn.
const TURNS_MAX: u32 = 24;
/// How long a turn of one token may take. A pod that cannot reach a part may hang for as long.
const TURN_BOUND: Duration = Duration::from_secs(8);
/// Pause between two looks at a turn.
const LOOK: Duration = Duration::from_millis(5);

/// A link by which a pod reaches what it depends on.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Link {
    /// The part that it leads to.
    to: String,
    /// True if a pod that runs a turn need not send a byte there: it may need the part at its start alone.
    is_idle: bool,
}

/// Accounts of links, by their names. A stock Toxiproxy keeps none.
type Accounts = BTreeMap<String, Option<ProxyEffects>>;

/// Proves the set-up, unless it has been proven since something of it was last in doubt.
///
/// # Errors
/// The pod, the part that it does not reach, and the account of the link.
pub(in crate::run) async fn prove(slot: &Slot) -> Result<(), String> {
    if slot.is_proven() {
        return Ok(());
    }
    let links = links_of(slot);
    let before = accounts(slot, &links).await?;
    let mut unproven: BTreeSet<PodName> = slot.pods().iter().cloned().collect();
    let first = slot.pods().first().ok_or("the cluster has no pods")?;
    let at = slot.address(first).map_err(|e| e.to_string())?;
    let session = slot.api.sign_in(first, at, Who::Own);
    let session = session.await.map_err(|e| e.to_string())?;
    let can_tell_owners = slot.api.system().has(Capability::Owner);
    let mut threads = BTreeSet::new();
    for _ in 0..TURNS_MAX {
        let run = unproven.iter().map(|pod| run_a_turn(slot, pod, &session));
        threads.extend(try_join_all(run).await?);
        let owners = slot.owners_until_now(&threads).await.map_err(|e| e.to_string())?;
        let after = accounts(slot, &links).await?;
        if !can_tell_owners {
            called(slot.pods(), &before, &after)?;
            break;
        }
        for pod in owners {
            for link in &links {
                check(&pod, link, &before, &after)?;
            }
            unproven.remove(&pod);
        }
        if unproven.is_empty() {
            break;
        }
    }
    if can_tell_owners && !unproven.is_empty() {
        tracing::warn!(
            ?unproven,
            "other pods ran every turn that these were posted: whether they reach all parts is not proven"
        );
    }
    slot.set_proven(true);
    Ok(())
}

/// Posts a turn through a pod and waits until it is over, or for as long as a pod may hang. Returns its thread.
async fn run_a_turn(slot: &Slot, pod: &PodName, session: &Session) -> Result<ThreadId, String> {
    let at = slot.address(pod).map_err(|e| e.to_string())?;
    let thread = slot.api.new_thread(pod, at, session).await.map_err(|e| e.to_string())?;
    let key = TurnKey::from(uuid::Uuid::new_v4().simple().to_string()[..12].to_owned());
    let message = MessageId::from(format!("m-{key}"));
    let text = Answer::tokens(1).prompt(&key);
    let message = Message {
        thread: &thread,
        id: &message,
        text: &text,
    };
    match slot.api.post(pod, at, session, message).await {
        Outcome::Ok(accepted) => over(slot, (pod, at), session, &thread, &accepted.turn).await,
        // Perhaps it runs all the same; and if a pod takes no turns, that is for a story to find.
        refused => tracing::info!(%pod, ?refused, "a turn for the proof of the set-up was not accepted"),
    }
    Ok(thread)
}

async fn over(slot: &Slot, at: (&PodName, SocketAddr), session: &Session, thread: &ThreadId, turn: &TurnId) {
    let ended = wait::until(
        "the end of a turn for the proof of the set-up",
        TURN_BOUND,
        LOOK,
        || async move {
            match slot.status_of(at, session, thread, turn).await {
                Ok(Some(status)) if status.is_terminal() => Look::Done(status),
                Ok(status) => Look::NotYet(format!("{status:?}")),
                Err(e) => Look::NotYet(e),
            }
        },
    );
    match ended.await {
        Ok(status) => tracing::debug!(%turn, ?status, "a turn for the proof of the set-up is over"),
        Err(e) => tracing::info!(error = %e, "a turn for the proof of the set-up goes on"),
    }
}

/// The links of each pod: to the parts whose traffic is known, and to the provider.
fn links_of(slot: &Slot) -> Vec<Link> {
    let parts = slot.cluster.parts().filter_map(|part| {
        let is_idle = match part.part().role {
            Role::Postgres => false,
            Role::Nats | Role::Redis => true,
            _ => return None,
        };
        let to = part.service().to_owned();
        Some(Link { to, is_idle })
    });
    let provider = Link {
        to: PROVIDER.to_owned(),
        is_idle: false,
    };
    parts.chain([provider]).collect()
}

async fn accounts(slot: &Slot, to: &[Link]) -> Result<Accounts, String> {
    let links = slot.links();
    let known = links.proxies().await.map_err(|e| e.to_string())?;
    let names = slot
        .pods()
        .iter()
        .flat_map(|pod| to.iter().map(|link| name_of(pod, &link.to)));
    let read = names.map(|name| {
        let (links, known) = (links.clone(), &known);
        async move {
            if !known.contains_key(&name) {
                return Err(format!("the set-up is wrong: the fault proxy has no link {name}"));
            }
            let account = match links.effects(&name).await {
                Ok(account) => Some(account),
                Err(ClientError::Refused { .. }) => None,
                Err(e) => return Err(e.to_string()),
            };
            Ok((name, account))
        }
    });
    join_all(read).await.into_iter().collect()
}

fn name_of(pod: &PodName, to: &str) -> String {
    format!("{pod}-{to}")
}

/// Checks that bytes came back to a pod through a link while the pod ran a turn.
fn check(pod: &PodName, link: &Link, before: &Accounts, after: &Accounts) -> Result<(), String> {
    let (to, name) = (&link.to, name_of(pod, &link.to));
    let Some(after) = account(after, &name) else {
        return Ok(());
    };
    let before = account(before, &name).filter(|_| !link.is_idle).unwrap_or_default();
    if after.downstream_bytes > before.downstream_bytes {
        return Ok(());
    }
    Err(format!(
        "the set-up is wrong, so nothing is judged: {pod} ran a turn and did not reach {to} through its link {name}: {made} \
         connections were made there, {lost} of them could not reach {to}, and no byte came back; check the addresses and \
         proxies among the variables of {pod} (`docker inspect`)",
        made = after.accepted.saturating_sub(before.accepted),
        lost = after.unreachable.saturating_sub(before.unreachable),
    ))
}

/// Checks that the provider answered one of the pods.
fn called(pods: &[PodName], before: &Accounts, after: &Accounts) -> Result<(), String> {
    let bytes = |accounts: &Accounts, pod: &PodName| {
        account(accounts, &name_of(pod, PROVIDER)).map(|account| account.downstream_bytes)
    };
    let is_known = pods.iter().any(|pod| bytes(after, pod).is_some());
    if !is_known || pods.iter().any(|pod| bytes(after, pod) > bytes(before, pod)) {
        return Ok(());
    }
    Err(
        "the set-up is wrong, so nothing is judged: each pod was posted a turn, and none called the provider; which variable of \
         the pods holds the base URL of its API? `pods.variables` sets it to {provider}/v1"
            .to_owned(),
    )
}

fn account(accounts: &Accounts, name: &str) -> Option<ProxyEffects> {
    accounts.get(name).cloned().flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(to: &str, is_idle: bool) -> Link {
        Link {
            to: to.to_owned(),
            is_idle,
        }
    }

    fn accounts_of(to: &str, accepted: u64, downstream_bytes: u64) -> Accounts {
        let account = ProxyEffects {
            accepted,
            downstream_bytes,
            ..ProxyEffects::default()
        };
        [(format!("pod-2-{to}"), Some(account))].into()
    }

    fn checked(link: &Link, before: (u64, u64), after: (u64, u64)) -> Result<(), String> {
        let of = |(accepted, bytes)| accounts_of(&link.to, accepted, bytes);
        check(&PodName::from("pod-2"), link, &of(before), &of(after))
    }

    #[test]
    fn a_link_is_proven_by_bytes_that_came_back_and_by_nothing_else() {
        assert_eq!(checked(&link("provider", false), (0, 0), (1, 900)), Ok(()));
        let over_a_connection_from_before = checked(&link("db", false), (4, 900), (4, 901));
        assert_eq!(over_a_connection_from_before, Ok(()));
        for after in [(4, 900), (7, 900)] {
            let wrong = checked(&link("provider", false), (4, 900), after).expect_err("nothing came back");
            for said in [
                "pod-2",
                "did not reach provider",
                "pod-2-provider",
                "the set-up is wrong",
            ] {
                assert!(wrong.contains(said), "{wrong}");
            }
            assert!(
                wrong.contains(&format!("{} connections were made", after.0 - 4)),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_broker_that_was_reached_at_the_start_is_reached() {
        assert_eq!(checked(&link("nats", true), (1, 400), (1, 400)), Ok(()));
        assert!(checked(&link("nats", true), (0, 0), (0, 0)).is_err());
    }

    #[test]
    fn a_proxy_without_accounts_proves_nothing_wrong() {
        let none: Accounts = [("pod-2-provider".to_owned(), None)].into();
        let pod = PodName::from("pod-2");
        assert_eq!(check(&pod, &link("provider", false), &none, &none), Ok(()));
        assert_eq!(called(&[pod], &none, &none), Ok(()));
    }

    #[test]
    fn without_owners_one_pod_must_have_been_answered_by_the_provider() {
        let pods = ["pod-1", "pod-2"].map(PodName::from);
        let of = |bytes| accounts_of("provider", 1, bytes);
        assert_eq!(called(&pods, &of(0), &of(1)), Ok(()));
        let wrong = called(&pods, &of(1), &of(1)).expect_err("nobody called it");
        assert!(wrong.contains("none called the provider"), "{wrong}");
    }
}
