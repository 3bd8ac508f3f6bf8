//! Who should have how many of the permits that there are.

/// Whoever wants less than this is given this: the first clicks of a moderator should not wait for
/// the next renewal.
const LEAST: usize = 5;

/// What the holder at `me` should have of `permits`, when the holders could use `demands`.
///
/// Whoever could use little gets it; what they leave is divided evenly among those who could use more. Of
/// what nobody needs so many stay `free`, and the rest is divided among all. The shares of all holders are
/// together no more than `permits`, if they all see the same demands.
pub(super) fn fair_share(permits: usize, free: usize, demands: &[usize], me: usize) -> usize {
    let mut by_need: Vec<usize> = (0..demands.len()).collect();
    by_need.sort_by_key(|holder| demands[*holder]);
    let (mut left, mut share) = (permits, 0);
    for (served, holder) in by_need.iter().enumerate() {
        let even = left / (demands.len() - served);
        let given = demands[*holder].max(LEAST).min(even);
        left -= given;
        if *holder == me {
            share = given;
        }
    }
    left = left.saturating_sub(free);
    share + left / demands.len() + usize::from(me < left % demands.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shares(permits: usize, free: usize, demands: &[usize]) -> Vec<usize> {
        (0..demands.len())
            .map(|me| fair_share(permits, free, demands, me))
            .collect()
    }

    #[test]
    fn whoever_needs_less_than_an_even_part_gets_it_and_the_rest_is_divided() {
        for (permits, demands, expected) in [
            (200, &[0][..], &[200][..]),
            (200, &[900], &[200]),
            (200, &[0, 0, 0], &[67, 67, 66]),
            (200, &[900, 0, 0], &[190, 5, 5]),
            (200, &[900, 900, 10], &[95, 95, 10]),
            (200, &[900, 900, 900], &[66, 67, 67]),
            (200, &[40, 20, 0], &[85, 65, 50]),
            (3, &[9, 9, 9, 9], &[0, 1, 1, 1]),
            (0, &[9, 9], &[0, 0]),
        ] {
            assert_eq!(
                shares(permits, 0, demands),
                expected,
                "{permits} for {demands:?}"
            );
        }
    }

    #[test]
    fn what_nobody_needs_stays_free_up_to_a_part() {
        for (demands, expected) in [
            (&[0][..], &[150][..]),
            (&[149], &[150]),
            (&[160], &[160]),
            (&[900], &[200]),
            (&[0, 0], &[75, 75]),
            (&[100, 0], &[123, 27]),
            (&[900, 0], &[195, 5]),
        ] {
            assert_eq!(shares(200, 50, demands), expected, "{demands:?}");
        }
    }

    #[test]
    fn all_permits_that_need_not_stay_free_are_given_and_none_twice() {
        for permits in [0_usize, 1, 7, 200, 999] {
            for case in 0_usize..2000 {
                let demands: Vec<usize> = (0..=case % 8)
                    .map(|holder| (case * 7919 + holder * 104_729) % 300)
                    .collect();
                for free in [0, permits / 4] {
                    let needed: usize = demands.iter().map(|demand| (*demand).max(LEAST)).sum();
                    let free = free.min(permits.saturating_sub(needed));
                    assert_eq!(
                        shares(permits, free, &demands).iter().sum::<usize>(),
                        permits - free,
                        "{permits} less {free} for {demands:?}"
                    );
                }
            }
        }
    }
}
