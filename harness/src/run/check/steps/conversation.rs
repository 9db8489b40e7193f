//! CONVERSATION: whether the model is shown the thread's earlier turns, if the description does not say it.

use super::talk::calls;
use crate::plan::Answer;
use crate::run::cast::turn::Turn;
use crate::run::check::bench::Bench;
use crate::run::check::proposal::Proposal;
use crate::run::check::section::{Line, Section};

/// CONVERSATION, if `provider.conversation` is open: the messages of a second turn's call are more than those of the first one's.
pub(in crate::run) async fn conversation(bench: &mut Bench<'_>, first: &Turn) -> Option<Section> {
    let path = "provider.conversation";
    bench.places.is_open(path).then_some(())?;
    let place = bench.place(path);
    let line = match shown(bench, first).await {
        Ok((first, second)) => {
            let seen =
                format!("the model was shown {first} messages for the first turn of a thread, {second} for the second");
            bench.propose(Proposal::toml(path, (second > first).to_string(), &seen));
            Line::info(seen)
        }
        Err(why) => Line::bad(why),
    };
    Some(Section::of_line("CONVERSATION", line.at(place)))
}

/// The number of messages in the first call of a thread's first turn and of its second one.
async fn shown(bench: &mut Bench<'_>, first: &Turn) -> Result<(usize, usize), String> {
    let pod = bench.first();
    let (second, _) = bench.post(&first.thread, &pod, &Answer::tokens(2)).await?;
    bench.cast.settled(&second).await.map_err(|e| e.to_string())?;
    let mut counts = Vec::new();
    for turn in [first, &second] {
        let calls = calls(bench, turn, true).await;
        let (_, messages) = calls.first().ok_or("the provider's journal does not tell the call")?;
        counts.push(*messages);
    }
    Ok((counts[0], counts[1]))
}
