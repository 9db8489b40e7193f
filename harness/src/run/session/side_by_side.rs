//! Work done side by side, at most a given number at a time.

use futures_util::stream::{self, StreamExt as _};

/// Does so many at a time, the next as soon as any is done; what comes of them, in their own order.
pub async fn side_by_side<F: Future>(at_a_time: usize, work: impl IntoIterator<Item = F>) -> Vec<F::Output> {
    let numbered = work.into_iter().enumerate();
    let numbered = numbered.map(|(place, one)| async move { (place, one.await) });
    let mut done: Vec<_> = stream::iter(numbered).buffer_unordered(at_a_time).collect().await;
    done.sort_by_key(|(place, _)| *place);
    done.into_iter().map(|(_, done)| done).collect()
}

#[cfg(test)]
mod tests {
    use tokio::sync::Barrier;

    use super::*;

    #[tokio::test]
    async fn a_long_one_holds_up_none_that_come_later() {
        // The first is over only when the last has begun.
        let both_are_there = Barrier::new(2);
        let work = (0..4).map(|n| {
            let both_are_there = &both_are_there;
            async move {
                if n % 3 == 0 {
                    both_are_there.wait().await;
                }
                n
            }
        });
        assert_eq!(side_by_side(2, work).await, [0, 1, 2, 3]);
    }
}
