//! What is unusual and sound: nothing of it is a finding, and all of it is read.

use super::scene::{Outcomes, frames, tail_of, watch};
use super::server::{Step, send, stream};
use crosspod::history::TailEnd;
use crosspod::verdict::Verdict;

fn is_sound_to_the_end(outcomes: &Outcomes) {
    outcomes.is_sound();
    assert_eq!(outcomes.end(), Some(&TailEnd::Eof));
}

#[tokio::test]
async fn every_end_of_a_line_is_read() {
    for end in ["\n", "\r\n", "\r"] {
        is_sound_to_the_end(&watch(vec![stream(), send(tail_of(&frames(), end))]).await);
    }
}

#[tokio::test]
async fn bytes_may_be_cut_anywhere() {
    for end in ["\n", "\r\n", "\r"] {
        let text = format!("\u{feff}: é\u{1f600}{end}{}", tail_of(&frames(), end));
        is_sound_to_the_end(&watch(vec![stream(), Step::Trickle(text.clone().into_bytes())]).await);
        let step = text.len() / 17;
        for cut in (1..text.len()).step_by(step) {
            let (a, b) = text.as_bytes().split_at(cut);
            is_sound_to_the_end(&watch(vec![stream(), send(a), send(b)]).await);
        }
    }
}

#[tokio::test]
async fn comments_marks_and_fields_of_others_are_passed_over() {
    let frames = tail_of(&frames(), "\n");
    let aside = ": keepalive\n\n:\nretry: 10\nevent: message\nx-new: field\nnameless\n\ndata:\n\nevent: ping\ndata:\n\n\
                 event: ping\ndata: {\"time\": 1}\n\nevent: ping\ndata: pong\n\n\n\n";
    for text in [
        format!("\u{feff}{frames}"),
        format!("{aside}{frames}{aside}"),
        frames.replace("\n\n", &format!("\n\n{aside}")),
    ] {
        is_sound_to_the_end(&watch(vec![stream(), send(text)]).await);
    }
}

#[tokio::test]
async fn an_event_may_have_several_lines_of_data() {
    let text = tail_of(&frames(), "\n").replace(",\"turnId\"", ",\ndata: \"turnId\"");
    is_sound_to_the_end(&watch(vec![stream(), send(text)]).await);
}

#[tokio::test]
async fn a_stream_may_end_in_the_middle_of_an_event() {
    let text = tail_of(&frames(), "\n");
    for rest in ["d", "data: {\"type\":\"text", "id: 1-5\ndata: [DONE]\n", ": keep"] {
        is_sound_to_the_end(&watch(vec![stream(), send(format!("{text}{rest}"))]).await);
    }
    let cut_inside_a_character = [text.as_bytes(), b"data: \xc3"].concat();
    is_sound_to_the_end(&watch(vec![stream(), send(cut_inside_a_character)]).await);
}

#[tokio::test]
async fn an_event_of_the_largest_answer_is_read() {
    let large = format!(
        "data: {{\"type\":\"data-large\",\"of\":\"{}\"}}\n\n",
        "é".repeat(1 << 20)
    );
    let text = format!("{large}{}", tail_of(&frames(), "\n"));
    is_sound_to_the_end(&watch(vec![stream(), send(text)]).await);
}

#[tokio::test]
async fn a_refusal_is_an_answer() {
    let outcomes = watch(vec![send("HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n")]).await;
    assert_eq!(outcomes.judgement.verdict, Verdict::Pass, "{:?}", outcomes.judgement);
    for status in [401, 404, 429, 503] {
        let head = format!("HTTP/1.1 {status} No\r\ncontent-type: application/json\r\nconnection: close\r\n\r\n{{}}");
        let outcomes = watch(vec![send(head)]).await;
        assert_eq!(outcomes.judgement.verdict, Verdict::Pass, "{:?}", outcomes.judgement);
    }
}

#[tokio::test]
async fn no_answer_at_all_is_not_held_against_it() {
    for steps in [vec![], vec![send("HTTP/1.1 200 O")]] {
        let outcomes = watch(steps).await;
        assert_eq!(outcomes.judgement.verdict, Verdict::Pass, "{:?}", outcomes.judgement);
    }
}
