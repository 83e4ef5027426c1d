//! A row of values as a line of blocks: the newest to the right, from nothing to the largest.

/// Heights of blocks, lowest first. In ASCII what stands higher is darker.
const BLOCKS: [&str; 8] = ["▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"];
const PLAIN: [&str; 8] = [".", ":", "-", "=", "+", "*", "#", "@"];

/// The newest values that fit into so many columns; where there is none, nothing was answered.
pub(crate) fn line(values: &[Option<u64>], columns: usize, ascii: bool) -> String {
    let shown = &values[values.len().saturating_sub(columns)..];
    let most = shown.iter().flatten().copied().max().unwrap_or(0);
    let blocks = if ascii { &PLAIN } else { &BLOCKS };
    let none = if ascii { "x" } else { "✗" };
    let block = |value: &Option<u64>| match value {
        None => none,
        Some(_) if most == 0 => blocks[0],
        // the largest is the highest block, and nothing alone is the lowest
        Some(value) => {
            let place = u128::from(*value) * (blocks.len() as u128 - 1) / u128::from(most);
            blocks[usize::try_from(place).unwrap_or(0)]
        }
    };
    shown.iter().map(block).collect()
}

/// The least, the middle and the largest of them; none where nothing was answered.
pub(crate) fn spread(values: &[Option<u64>]) -> Option<(u64, u64, u64)> {
    let mut sorted: Vec<u64> = values.iter().flatten().copied().collect();
    sorted.sort_unstable();
    Some((*sorted.first()?, sorted[sorted.len() / 2], *sorted.last()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_values_stand_between_nothing_and_the_largest() {
        let values = [Some(9), Some(0), Some(5), None, Some(10)];
        assert_eq!(line(&values, 10, false), "▇▁▄✗█");
        assert_eq!(line(&values, 3, false), "▄✗█", "the newest are to the right");
        assert_eq!(line(&values, 5, true), "#.=x@");
        assert_eq!(line(&[Some(0), Some(0)], 5, false), "▁▁");
        assert_eq!(line(&[], 5, false), "");
        assert_eq!(line(&[Some(u64::MAX), Some(1)], 5, false), "█▁");
    }

    #[test]
    fn the_spread_leaves_out_what_was_not_answered() {
        assert_eq!(spread(&[Some(3), None, Some(1), Some(9)]), Some((1, 3, 9)));
        assert_eq!(spread(&[None]), None);
    }
}
