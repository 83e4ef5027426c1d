//! `[selection]`: which committee serves a deposit.

use crate::config::reader::Reader;
use crate::config::schema::Key;
use crate::config::section::{DkgConfig, OperatorsConfig};
use crate::dkg::backends;
use crate::types::{OperatorId, listed};

pub(in crate::config) const KEYS: &[Key] = &[
    Key::new(
        "selection.size",
        "a number of operators",
        "Operators of a new committee; the DKG backend has committees of certain sizes, and says how many of them sign.",
    )
    .default("4"),
    Key::new(
        "selection.candidates",
        "a list of operator ids",
        "Operators that the engine may choose from; without it every configured one.",
    ),
    Key::new(
        "selection.committee",
        "a list of operator ids",
        "A fixed committee for every deposit, instead of a choice.",
    ),
];

/// How a committee comes about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SelectionRule {
    /// Always these, ascending.
    Fixed(Vec<OperatorId>),
    /// `size` of these, ascending, by health.
    Choose {
        /// Operators that may be chosen, ascending.
        from: Vec<OperatorId>,
        /// How many operators; one of the sizes that the DKG backend has.
        size: usize,
    },
}

/// Which committee serves a deposit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SelectionConfig {
    /// How it comes about.
    pub rule: SelectionRule,
}

pub(in crate::config) fn read(
    r: &mut Reader<'_>,
    operators: Option<&OperatorsConfig>,
    dkg: Option<&DkgConfig>,
) -> Option<SelectionConfig> {
    let size = r.required::<u64>("selection.size");
    let candidates = r.optional::<Vec<OperatorId>>("selection.candidates");
    let committee = r.optional::<Vec<OperatorId>>("selection.committee");
    let (size, candidates, committee) = (size?, candidates?, committee?);
    let size = usize::try_from(size).unwrap_or(usize::MAX);
    let can = (backends::named(&dkg?.backend)?.capabilities)();
    let sizes = || listed(can.committees.iter().map(|known| known.operators), "or");
    if can.threshold_of(size).is_none() {
        r.error("selection.size", format!("expected {}, got {size}", sizes()));
        return None;
    }
    if committee.is_some() && candidates.is_some() {
        r.error(
            "selection.candidates",
            "a fixed committee is given too: only one of both can hold".to_owned(),
        );
    }
    let knows = r.knows("operator");
    let mut check = |key: &str, ids: Vec<OperatorId>| {
        let mut sorted = ids.clone();
        sorted.sort_unstable();
        sorted.dedup();
        if sorted.len() != ids.len() {
            r.error(key, "names an operator twice".to_owned());
        }
        if let Some(operators) = operators.filter(|_| knows) {
            for id in sorted.iter().filter(|id| !operators.by_id.contains_key(id)) {
                r.error(key, format!("operator {id} is not configured"));
            }
        }
        sorted
    };
    if let Some(ids) = committee {
        let ids = check("selection.committee", ids);
        if can.threshold_of(ids.len()).is_none() {
            let message = format!("a committee has {} operators, this one {}", sizes(), ids.len());
            r.error("selection.committee", message);
        }
        return Some(SelectionConfig {
            rule: SelectionRule::Fixed(ids),
        });
    }
    let (key, from) = match candidates {
        Some(ids) => ("selection.candidates", check("selection.candidates", ids)),
        None => (
            "selection.size",
            operators?.by_id.keys().copied().collect::<Vec<_>>(),
        ),
    };
    if from.len() < size && knows {
        let message = format!(
            "a committee of {size} needs as many operators, configured are {}",
            from.len()
        );
        r.error(key, message);
    }
    Some(SelectionConfig {
        rule: SelectionRule::Choose { from, size },
    })
}
