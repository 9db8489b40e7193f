use bytes::Bytes;

use super::*;
use crate::model::{
    Attributes, Bandwidth, CutInside, Down, HalfOpen, Hold, Latency, LimitData, Noop, PacketLoss, ResetPeer, Slicer,
    SlowClose, Timeout,
};

const FIRST: ToxicId = ToxicId(1);
const SECOND: ToxicId = ToxicId(2);

fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn data(text: &str) -> Item {
    Item::Data(Bytes::copy_from_slice(text.as_bytes()))
}

fn toxic(attributes: impl Into<Attributes>) -> ToxicSpec {
    ToxicSpec::downstream(attributes)
}

/// A pipeline with one toxic since time 0.
fn with(attributes: impl Into<Attributes>) -> Pipeline {
    let mut pipeline = Pipeline::new(7);
    assert!(pipeline.add(ms(0), FIRST, &toxic(attributes)));
    pipeline
}

/// Everything that is to be done at a time, with data joined, and until when there is nothing after it.
fn out(pipeline: &mut Pipeline, at: Duration) -> (String, Vec<Item>, Option<Duration>) {
    let mut text = Vec::new();
    let mut others = Vec::new();
    loop {
        match pipeline.next(at) {
            Next::Do(Item::Data(bytes)) => text.extend_from_slice(&bytes),
            Next::Do(Item::Cut(cut)) => {
                others.push(Item::Cut(cut));
                return (String::from_utf8_lossy(&text).into_owned(), others, None);
            }
            Next::Do(Item::End) => others.push(Item::End),
            Next::Wait(due) => return (String::from_utf8_lossy(&text).into_owned(), others, due),
        }
    }
}

/// The pieces that are to be written at a time.
fn pieces(pipeline: &mut Pipeline, at: Duration) -> Vec<usize> {
    let next = || match pipeline.next(at) {
        Next::Do(Item::Data(bytes)) => Some(bytes.len()),
        _ => None,
    };
    std::iter::from_fn(next).collect()
}

fn tally(pipeline: &mut Pipeline) -> (u64, u64) {
    pipeline
        .take_tallies()
        .next()
        .map_or((0, 0), |(_, tally)| (tally.times, tally.bytes))
}

fn said(text: &str, others: &[Item], due: Option<Duration>) -> (String, Vec<Item>, Option<Duration>) {
    (text.to_owned(), others.to_vec(), due)
}

#[test]
fn without_toxics_and_with_one_that_spares_it_everything_passes_at_once() {
    let mut pipeline = Pipeline::new(7);
    let spares = toxic(Timeout::default()).with_toxicity(0.0);
    assert!(!pipeline.add(ms(0), FIRST, &spares));
    assert!(pipeline.is_transparent());
    pipeline.put(ms(1), data("ab"));
    pipeline.put(ms(1), Item::End);
    assert_eq!(out(&mut pipeline, ms(1)), said("ab", &[Item::End], None));
    assert_eq!(tally(&mut pipeline), (0, 0));
}

#[test]
fn a_noop_passes_everything_and_counts_nothing() {
    let mut pipeline = with(Noop {});
    pipeline.put(ms(1), data("ab"));
    assert_eq!(out(&mut pipeline, ms(1)), said("ab", &[], None));
    assert_eq!(tally(&mut pipeline), (0, 0));
}

#[test]
fn latency_delays_data_and_the_end_stays_behind_it() {
    let mut pipeline = with(Latency {
        latency: 100,
        jitter: 0,
    });
    pipeline.put(ms(1), data("ab"));
    pipeline.put(ms(2), Item::End);
    assert_eq!(out(&mut pipeline, ms(100)), said("", &[], Some(ms(101))));
    assert_eq!(out(&mut pipeline, ms(101)), said("ab", &[Item::End], None));
    assert_eq!(tally(&mut pipeline), (1, 2));
}

#[test]
fn jitter_stays_in_its_bounds_and_keeps_the_order() {
    let mut pipeline = with(Latency {
        latency: 100,
        jitter: 50,
    });
    let mut expected = String::new();
    for n in 0..50 {
        let text = format!("{n},");
        pipeline.put(ms(0), data(&text));
        expected += &text;
    }
    assert_eq!(out(&mut pipeline, ms(49)).0, "");
    let mut came = String::new();
    let mut moments = 0;
    for at in 50..=150 {
        let (text, _, _) = out(&mut pipeline, ms(at));
        moments += u32::from(!text.is_empty());
        came += &text;
    }
    assert_eq!(came, expected);
    assert!(moments > 1, "all at one moment");
}

#[test]
fn what_latency_holds_goes_on_when_it_is_removed_or_changed() {
    for change in [true, false] {
        let mut pipeline = with(Latency {
            latency: 1000,
            jitter: 0,
        });
        pipeline.put(ms(1), data("ab"));
        if change {
            let shorter = toxic(Latency { latency: 10, jitter: 0 });
            assert!(pipeline.change(ms(2), FIRST, &shorter));
        } else {
            pipeline.remove(ms(2), FIRST);
            assert!(!pipeline.is_transparent(), "there is something to write");
        }
        pipeline.put(ms(2), data("cd"));
        let (text, _, due) = out(&mut pipeline, ms(2));
        let expected = if change { ("ab", Some(ms(12))) } else { ("abcd", None) };
        assert_eq!((text.as_str(), due), expected);
    }
}

#[test]
fn bandwidth_spreads_bytes_over_time() {
    // 10 KB/s: 10 bytes a millisecond, in pieces of 100.
    let mut pipeline = with(Bandwidth { rate: 10 });
    pipeline.put(ms(0), data(&"x".repeat(1000)));
    assert_eq!(out(&mut pipeline, ms(9)).0.len(), 0);
    assert_eq!(out(&mut pipeline, ms(10)).0.len(), 100);
    assert_eq!(out(&mut pipeline, ms(55)).0.len(), 400);
    assert_eq!(out(&mut pipeline, ms(100)).0.len(), 500);
    assert_eq!(tally(&mut pipeline), (1, 1000));
}

#[test]
fn bandwidth_of_nothing_takes_a_bounded_amount_and_gives_it_back() {
    let mut pipeline = with(Bandwidth { rate: 0 });
    let mut put = 0;
    while pipeline.wants_more() {
        pipeline.put(ms(0), data(&"x".repeat(10_000)));
        put += 10_000;
        assert!(put < 10_000_000, "it takes without bound");
    }
    assert_eq!(out(&mut pipeline, ms(1_000_000)), said("", &[], None));
    pipeline.remove(ms(1_000_000), FIRST);
    assert_eq!(out(&mut pipeline, ms(1_000_000)).0.len(), put);
}

#[test]
fn a_slicer_cuts_into_pieces_and_pauses_between_them() {
    let slicer = Slicer {
        average_size: 4,
        size_variation: 0,
        delay: 10_000,
    };
    let mut pipeline = with(slicer);
    pipeline.put(ms(0), data("0123456789"));
    assert_eq!(pieces(&mut pipeline, ms(0)), [4]);
    assert_eq!(pieces(&mut pipeline, ms(9)), [0; 0]);
    assert_eq!(pieces(&mut pipeline, ms(20)), [4, 2]);
    assert_eq!(tally(&mut pipeline), (2, 8));
    let varied = Slicer {
        size_variation: 2,
        delay: 0,
        ..slicer
    };
    assert!(pipeline.change(ms(30), FIRST, &toxic(varied)));
    pipeline.put(ms(30), data(&"x".repeat(1000)));
    let sizes = pieces(&mut pipeline, ms(30));
    let all_but_last = &sizes[..sizes.len() - 1];
    assert_eq!(sizes.iter().sum::<usize>(), 1000);
    assert!(all_but_last.iter().all(|size| (2..=6).contains(size)), "{sizes:?}");
    assert!(all_but_last.iter().any(|size| *size != sizes[0]), "{sizes:?}");
}

#[test]
fn slow_close_delays_the_end_alone() {
    let mut pipeline = with(SlowClose { delay: 100 });
    pipeline.put(ms(1), data("ab"));
    pipeline.put(ms(1), Item::End);
    assert_eq!(out(&mut pipeline, ms(1)), said("ab", &[], Some(ms(101))));
    assert_eq!(tally(&mut pipeline), (1, 0));
    assert_eq!(out(&mut pipeline, ms(101)), said("", &[Item::End], None));
}

#[test]
fn a_black_hole_drops_data_passes_the_end_and_closes_when_it_goes() {
    let mut pipeline = with(Timeout { timeout: 0 });
    pipeline.put(ms(1), data("ab"));
    assert_eq!(out(&mut pipeline, ms(1_000_000)), said("", &[], None));
    assert_eq!(tally(&mut pipeline), (1, 2));
    pipeline.remove(ms(2), FIRST);
    assert_eq!(out(&mut pipeline, ms(2)), said("", &[Item::Cut(Cut::Close)], None));
    let mut pipeline = with(Timeout { timeout: 0 });
    pipeline.put(ms(1), Item::End);
    assert_eq!(out(&mut pipeline, ms(1)), said("", &[Item::End], None));
}

#[test]
fn timeout_and_reset_peer_end_the_connection_in_time_whatever_is_on_its_way() {
    let resets = (Attributes::from(ResetPeer { timeout: 50 }), Cut::Reset);
    let closes = (Attributes::from(Timeout { timeout: 50 }), Cut::Close);
    for (attributes, cut) in [resets, closes] {
        let mut pipeline = with(Latency {
            latency: 1000,
            jitter: 0,
        });
        pipeline.put(ms(5), data("on its way"));
        pipeline.add(ms(10), SECOND, &toxic(attributes));
        assert_eq!(out(&mut pipeline, ms(59)), said("", &[], Some(ms(60))));
        assert_eq!(pipeline.urgent(ms(60)), Some(cut));
        let tallies: Vec<_> = pipeline.take_tallies().map(|(id, tally)| (id, tally.times)).collect();
        assert_eq!(tallies, [(FIRST, 1), (SECOND, 1)]);
    }
}

#[test]
fn a_reset_at_once_needs_no_data() {
    let mut pipeline = with(ResetPeer { timeout: 0 });
    assert_eq!(out(&mut pipeline, ms(0)), said("", &[Item::Cut(Cut::Reset)], None));
}

#[test]
fn half_open_stands_still_and_goes_on_where_it_stood() {
    let mut pipeline = with(HalfOpen::default());
    assert_eq!(tally(&mut pipeline), (1, 0));
    assert!(pipeline.holds() && !pipeline.wants_more());
    // Bytes that had been read when it began.
    pipeline.put(ms(1), data("ab"));
    pipeline.put(ms(1), Item::End);
    assert_eq!(out(&mut pipeline, ms(1_000_000)), said("", &[], None));
    pipeline.remove(ms(1_000_000), FIRST);
    assert!(!pipeline.holds());
    assert_eq!(out(&mut pipeline, ms(1_000_000)), said("ab", &[Item::End], None));
}

#[test]
fn down_ends_the_stream_once_and_closes_when_it_goes() {
    let mut pipeline = with(Down {});
    pipeline.put(ms(1), data("ab"));
    pipeline.put(ms(1), Item::End);
    assert_eq!(out(&mut pipeline, ms(1)), said("", &[Item::End], None));
    assert_eq!(tally(&mut pipeline), (2, 2));
    pipeline.remove(ms(2), FIRST);
    assert_eq!(out(&mut pipeline, ms(2)), said("", &[Item::Cut(Cut::Close)], None));
}

#[test]
fn limit_data_passes_exactly_so_many_bytes_and_remembers_them() {
    let mut pipeline = with(LimitData { bytes: 5 });
    pipeline.put(ms(1), data("abc"));
    assert_eq!(out(&mut pipeline, ms(1)), said("abc", &[], None));
    assert!(pipeline.change(ms(2), FIRST, &toxic(LimitData { bytes: 6 })));
    pipeline.put(ms(2), data("defgh"));
    assert_eq!(out(&mut pipeline, ms(2)), said("def", &[Item::Cut(Cut::Close)], None));
    assert_eq!(tally(&mut pipeline), (1, 2));
}

/// The bytes that pass before the cut of a stream that comes in chunks of every size.
fn cut_of(cut: &CutInside, stream: &[u8], chunk: usize) -> (Vec<u8>, Option<Item>) {
    let mut pipeline = with(cut.clone());
    let mut passed = Vec::new();
    for bytes in stream.chunks(chunk) {
        pipeline.put(ms(1), Item::Data(Bytes::copy_from_slice(bytes)));
    }
    pipeline.put(ms(1), Item::End);
    loop {
        match pipeline.next(ms(1)) {
            Next::Do(Item::Data(bytes)) => passed.extend_from_slice(&bytes),
            Next::Do(item) => return (passed, Some(item)),
            Next::Wait(_) => return (passed, None),
        }
    }
}

#[test]
fn cut_inside_a_pattern_hits_the_same_byte_however_the_stream_is_chunked() {
    let stream = b"aab aaab aaaab.";
    let cut = |pattern: &str, keep, skip| CutInside {
        pattern: pattern.into(),
        keep,
        skip,
        reset: true,
        ..CutInside::default()
    };
    for chunk in 1..=stream.len() {
        for (given, expected) in [
            (cut("aaab", None, 0), &b"aab aa"[..]),
            (cut("aaab", Some(0), 0), b"aab "),
            (cut("aaab", Some(4), 0), b"aab aaab"),
            (cut("aaab", Some(3), 1), b"aab aaab aaaa"),
            (cut("ab ", Some(1), 1), b"aab aaa"),
        ] {
            let (passed, end) = cut_of(&given, stream, chunk);
            assert_eq!(
                (String::from_utf8_lossy(&passed), end),
                (String::from_utf8_lossy(expected), Some(Item::Cut(Cut::Reset))),
                "{given:?} in chunks of {chunk}"
            );
        }
        let (passed, end) = cut_of(&cut("aaac", None, 0), stream, chunk);
        assert_eq!(
            (&*passed, end),
            (&stream[..], Some(Item::End)),
            "a stream without it is whole"
        );
    }
}

#[test]
fn cut_inside_a_character_leaves_a_broken_one() {
    let stream = "plain é € 🦀 end".as_bytes();
    let cut = |skip, keep| CutInside {
        utf8: true,
        skip,
        keep,
        ..CutInside::default()
    };
    for chunk in 1..=stream.len() {
        for (given, whole, inside) in [
            (cut(0, None), "plain ", 1),
            (cut(1, None), "plain é ", 1),
            (cut(2, None), "plain é € ", 2),
            (cut(2, Some(1)), "plain é € ", 1),
        ] {
            let (passed, end) = cut_of(&given, stream, chunk);
            assert_eq!(passed, stream[..whole.len() + inside], "{given:?} in chunks of {chunk}");
            assert_eq!(end, Some(Item::Cut(Cut::Close)));
            assert!(std::str::from_utf8(&passed).is_err());
        }
        let (passed, end) = cut_of(&cut(3, None), stream, chunk);
        assert_eq!((&*passed, end), (stream, Some(Item::End)));
    }
}

#[test]
fn what_a_cut_holds_back_goes_on_when_it_is_removed() {
    let cut = CutInside {
        pattern: "abcdef".into(),
        keep: Some(1),
        ..CutInside::default()
    };
    let mut pipeline = with(cut);
    pipeline.put(ms(1), data("..abcd"));
    assert_eq!(out(&mut pipeline, ms(1)).0, "..a");
    pipeline.remove(ms(2), FIRST);
    assert_eq!(out(&mut pipeline, ms(2)).0, "bcd");
}

#[test]
fn toxics_work_in_their_order_and_the_cut_stands_behind_the_data() {
    let mut pipeline = with(LimitData { bytes: 3 });
    pipeline.add(ms(0), SECOND, &toxic(Latency { latency: 10, jitter: 0 }));
    pipeline.put(ms(0), data("abcdef"));
    assert_eq!(out(&mut pipeline, ms(9)), said("", &[], Some(ms(10))));
    assert_eq!(out(&mut pipeline, ms(10)), said("abc", &[Item::Cut(Cut::Close)], None));
}

#[test]
fn a_change_of_toxicity_takes_a_toxic_off_a_connection_and_puts_it_on_again() {
    let mut pipeline = with(Latency {
        latency: 1000,
        jitter: 0,
    });
    pipeline.put(ms(0), data("ab"));
    let off = toxic(Latency {
        latency: 1000,
        jitter: 0,
    })
    .with_toxicity(0.0);
    assert!(!pipeline.change(ms(1), FIRST, &off));
    assert_eq!(out(&mut pipeline, ms(1)).0, "ab");
    assert!(pipeline.is_transparent());
    assert!(pipeline.change(ms(2), FIRST, &off.with_toxicity(1.0)));
    pipeline.put(ms(2), data("cd"));
    assert_eq!(out(&mut pipeline, ms(2)), said("", &[], Some(ms(1002))));
}

#[test]
fn a_toxic_is_told_as_new_to_a_connection_once() {
    let mut pipeline = with(Timeout::default());
    let mut tallies = Vec::new();
    for at in [1, 2] {
        pipeline.put(ms(at), data("ab"));
        tallies.extend(pipeline.take_tallies().map(|(_, tally)| (tally.first_here, tally.span)));
    }
    assert_eq!(tallies, [(true, Some((ms(1), ms(1)))), (false, Some((ms(2), ms(2))))]);
}

#[test]
fn a_hold_keeps_everything_and_delivers_it_in_order_when_it_goes() {
    let mut pipeline = with(Hold {});
    assert!(pipeline.holds_back() && !pipeline.holds() && !pipeline.is_transparent());
    pipeline.put(ms(1), data("ab"));
    pipeline.put(ms(2), data("cd"));
    pipeline.put(ms(3), Item::End);
    assert_eq!(out(&mut pipeline, ms(3_600_000)), said("", &[], None));
    assert_eq!(tally(&mut pipeline), (2, 4));
    assert!(pipeline.wants_more() && !pipeline.is_empty());
    pipeline.remove(ms(3_600_001), FIRST);
    assert_eq!(out(&mut pipeline, ms(3_600_001)), said("abcd", &[Item::End], None));
    assert!(pipeline.is_empty() && !pipeline.holds_back());
}

/// The chunks that pass of so many, each a letter.
fn passed(loss: PacketLoss, chunks: usize) -> Vec<bool> {
    let mut pipeline = with(loss);
    let pass = |_| {
        pipeline.put(ms(1), data("a"));
        let (text, others, _) = out(&mut pipeline, ms(1));
        assert!(others.is_empty() && text.len() <= 1);
        text.len() == 1
    };
    (0..chunks).map(pass).collect()
}

#[test]
fn packet_loss_drops_whole_chunks_at_its_rate_and_in_bursts_if_they_are_correlated() {
    let loss = |loss_rate, correlation| PacketLoss { loss_rate, correlation };
    let dropped = |passed: &[bool]| passed.iter().filter(|passed| !**passed).count();
    assert_eq!(dropped(&passed(loss(0.0, 1.0), 500)), 0);
    assert_eq!(dropped(&passed(loss(1.0, 0.0), 500)), 500);
    let even = passed(loss(0.2, 0.0), 5_000);
    assert!((800..1_200).contains(&dropped(&even)), "{}", dropped(&even));
    let bursts = |passed: &[bool]| passed.windows(2).filter(|pair| !pair[0] && !pair[1]).count();
    let in_bursts = passed(loss(0.2, 0.6), 5_000);
    // Of the losses a fifth is followed by another one, against four fifths.
    assert!(
        bursts(&even) * 3 < dropped(&even),
        "{} of {}",
        bursts(&even),
        dropped(&even)
    );
    assert!(
        bursts(&in_bursts) * 3 > dropped(&in_bursts) * 2,
        "{}",
        bursts(&in_bursts)
    );
}

#[test]
fn packet_loss_lets_the_end_pass_and_closes_nothing_when_it_goes() {
    let mut pipeline = with(PacketLoss {
        loss_rate: 1.0,
        correlation: 0.0,
    });
    pipeline.put(ms(1), data("abc"));
    assert_eq!(out(&mut pipeline, ms(1)), said("", &[], None));
    assert_eq!(tally(&mut pipeline), (1, 3));
    pipeline.remove(ms(2), FIRST);
    pipeline.put(ms(3), data("d"));
    assert_eq!(out(&mut pipeline, ms(3)), said("d", &[], None));
    let mut pipeline = with(PacketLoss {
        loss_rate: 1.0,
        correlation: 0.0,
    });
    pipeline.put(ms(1), Item::End);
    assert_eq!(out(&mut pipeline, ms(1)), said("", &[Item::End], None));
}

#[test]
fn a_hold_takes_no_more_than_it_has_room_for() {
    let mut pipeline = with(Hold {});
    let chunk = Bytes::from(vec![0; 8 << 20]);
    for _ in 0..4 {
        assert!(pipeline.wants_more());
        pipeline.put(ms(1), Item::Data(chunk.clone()));
    }
    assert!(!pipeline.wants_more());
}

#[test]
fn a_cut_that_comes_behind_held_data_waits_with_it() {
    let mut pipeline = Pipeline::new(7);
    pipeline.add(ms(0), FIRST, &toxic(LimitData { bytes: 2 }));
    pipeline.add(ms(0), SECOND, &toxic(Hold {}));
    pipeline.put(ms(1), data("abc"));
    assert_eq!(out(&mut pipeline, ms(1)), said("", &[], None));
    pipeline.remove(ms(2), SECOND);
    assert_eq!(out(&mut pipeline, ms(2)), said("ab", &[Item::Cut(Cut::Close)], None));
}
