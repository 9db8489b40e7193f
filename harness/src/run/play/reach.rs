//! Proves the set-up of a slot before anything is judged on it: each pod reaches each part through its link.
//!
//! Each pod is posted turns of one token until it has run one to its end, by the database's word: a pod that lost its turn to another
//! one may never have come as far as to call. Then bytes must have come back through each of its links. Where the owner of a turn
//! cannot be read, each pod is posted one turn, and bytes of the provider must have come back to one of them. A turn that fails although
//! they did is the pod's fault, and the judge's to find; a link that carried nothing is a fault of the set-up (a proxy, a wrong address),
//! of which no finding may be made.

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
use crate::run::stopped::Unset;
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
/// The pod, the part that it does not reach, and the account of the link; or the request that a pod failed.
pub(in crate::run) async fn prove(slot: &Slot) -> Result<(), Unset> {
    if slot.is_proven() {
        return Ok(());
    }
    let links = links_of(slot);
    let before = accounts(slot, &links).await?;
    let mut unproven: BTreeSet<PodName> = slot.pods().iter().cloned().collect();
    let first = slot.pods().first();
    let first = first.ok_or_else(|| "the cluster has no pods".to_owned())?;
    let at = slot.address(first).map_err(|e| e.to_string())?;
    let session = slot.api.sign_in(first, at, Who::Own).await?;
    let can_tell_owners = slot.api.system().has(Capability::Owner);
    let mut threads = BTreeSet::new();
    let mut hangs = false;
    for round in 0..TURNS_MAX {
        let run = unproven.iter().map(|pod| run_a_turn(slot, pod, &session));
        for (thread, is_over) in try_join_all(run).await?.into_iter().flatten() {
            threads.insert(thread);
            hangs |= !is_over;
        }
        let owners = slot.last_owners(&threads).await.map_err(|e| e.to_string())?;
        let after = accounts(slot, &links).await?;
        // A turn that goes on may only be late, on a busy machine: its pod is posted another one.
        let forgives = hangs && round == 0;
        if !can_tell_owners {
            match called(slot.pods(), &before, &after, hangs) {
                Err(_) if forgives => continue,
                called => called?,
            }
            break;
        }
        for pod in owners {
            let mut checked = links.iter().map(|link| check(&pod, link, (&before, &after), hangs));
            match checked.find_map(Result::err) {
                Some(_) if forgives => {}
                Some(why) => return Err(why.into()),
                None => drop(unproven.remove(&pod)),
            }
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

/// Posts a turn through a pod and waits until it is over, or for as long as a pod may hang. Returns its thread, and false if it goes on;
/// `None` if the turn was not taken, as far as the pod says. Perhaps it runs all the same, and then it proves nothing yet.
async fn run_a_turn(slot: &Slot, pod: &PodName, session: &Session) -> Result<Option<(ThreadId, bool)>, Unset> {
    let at = slot.address(pod).map_err(|e| e.to_string())?;
    let thread = slot.api.new_thread(pod, at, session).await?;
    let key = TurnKey::from(uuid::Uuid::new_v4().simple().to_string()[..12].to_owned());
    let message = MessageId::from(format!("m-{key}"));
    let text = Answer::tokens(1).prompt(&key);
    let message = Message {
        thread: &thread,
        id: &message,
        text: &text,
    };
    match slot.api.post(pod, at, session, message).await {
        Outcome::Ok(accepted) => {
            let is_over = is_over(slot, (pod, at), session, &thread, &accepted.turn).await;
            Ok(Some((thread, is_over)))
        }
        // If a pod takes no turns, that is for a story to find.
        refused => {
            tracing::info!(%pod, ?refused, "a turn for the proof of the set-up was not accepted");
            Ok(None)
        }
    }
}

async fn is_over(slot: &Slot, at: (&PodName, SocketAddr), session: &Session, thread: &ThreadId, turn: &TurnId) -> bool {
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
        Ok(status) => {
            tracing::debug!(%turn, ?status, "a turn for the proof of the set-up is over");
            true
        }
        Err(e) => {
            tracing::info!(error = %e, "a turn for the proof of the set-up goes on");
            false
        }
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

/// Checks that bytes came back to a pod through a link while the pod ran a turn. `hangs` says that some turn was not over in time.
fn check(pod: &PodName, link: &Link, (before, after): (&Accounts, &Accounts), hangs: bool) -> Result<(), String> {
    let (to, name) = (&link.to, name_of(pod, &link.to));
    let Some(after) = account(after, &name) else {
        return Ok(());
    };
    let before = account(before, &name).filter(|_| !link.is_idle).unwrap_or_default();
    if after.downstream_bytes > before.downstream_bytes {
        return Ok(());
    }
    let made = after.accepted.saturating_sub(before.accepted);
    let or_hangs = or_hangs(hangs && made == 0);
    Err(format!(
        "the set-up is not proven, so nothing is judged: {pod} ran a turn and did not reach {to} through its link {name}: {made} \
         connections were made there, {lost} of them could not reach {to}, and no byte came back; check the addresses and \
         proxies among the variables of {pod} (`docker inspect`){or_hangs}",
        lost = after.unreachable.saturating_sub(before.unreachable),
    ))
}

/// The other reading of a turn that goes on without a connection: the pod itself.
fn or_hangs(hangs: bool) -> String {
    if hangs {
        format!(
            "; and a turn was not over after {TURN_BOUND:?}: if the addresses are right, the pods hang before they call (`docker logs`)"
        )
    } else {
        String::new()
    }
}

/// Checks that the provider answered one of the pods. `hangs` says that some turn was not over in time.
fn called(pods: &[PodName], before: &Accounts, after: &Accounts, hangs: bool) -> Result<(), String> {
    let bytes = |accounts: &Accounts, pod: &PodName| {
        account(accounts, &name_of(pod, PROVIDER)).map(|account| account.downstream_bytes)
    };
    let is_known = pods.iter().any(|pod| bytes(after, pod).is_some());
    if !is_known || pods.iter().any(|pod| bytes(after, pod) > bytes(before, pod)) {
        return Ok(());
    }
    let or_hangs = or_hangs(hangs);
    Err(format!(
        "the set-up is not proven, so nothing is judged: each pod was posted a turn, and none called the provider; which variable \
         of the pods holds the base URL of its API? `pods.variables` sets it to {{provider}}/v1{or_hangs}"
    ))
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
        check(&PodName::from("pod-2"), link, (&of(before), &of(after)), false)
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
                "the set-up is not proven",
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
        assert_eq!(check(&pod, &link("provider", false), (&none, &none), true), Ok(()));
        assert_eq!(called(&[pod], &none, &none, true), Ok(()));
    }

    #[test]
    fn without_owners_one_pod_must_have_been_answered_by_the_provider() {
        let pods = ["pod-1", "pod-2"].map(PodName::from);
        let of = |bytes| accounts_of("provider", 1, bytes);
        assert_eq!(called(&pods, &of(0), &of(1), false), Ok(()));
        let wrong = called(&pods, &of(1), &of(1), false).expect_err("nobody called it");
        assert!(wrong.contains("none called the provider"), "{wrong}");
        assert!(!wrong.contains("hang"), "{wrong}");
    }

    #[test]
    fn a_turn_that_goes_on_without_a_connection_may_be_the_pods_own_doing() {
        let says_so = |made, hangs| {
            let (before, after) = (accounts_of("provider", 0, 0), accounts_of("provider", made, 0));
            let pod = PodName::from("pod-2");
            let not_reached = check(&pod, &link("provider", false), (&before, &after), hangs);
            not_reached
                .expect_err("no byte came back")
                .contains("hang before they call")
        };
        assert!(says_so(0, true));
        assert!(!says_so(0, false), "the turn is over");
        assert!(!says_so(1, true), "it did call");
        let none = accounts_of("provider", 0, 0);
        let not_called = called(&[PodName::from("pod-2")], &none, &none, true);
        assert!(
            not_called
                .expect_err("nobody called it")
                .contains("hang before they call")
        );
    }
}
