//! Whoever lies by turns can change what would leave as well, to and fro, and a person would be asked for something else at
//! each look. After the first turns what is journaled stays what is asked for, with a check that fails and names who
//! contradicts whom, until each look has found the same for long. What changes once, to something new, counts at once.

use super::{AS_THEY_COME, LASTING_MS};
use crate::oracle::Proposal;
use crate::oracle::checks::{ENDPOINTS_AGREE, PAYLOAD_STEADY};
use crate::oracle::state::WaveringPayload;
use crate::oracle::turn::Turn;
use crate::types::{ActionId, Check, CheckStatus, Root, SafeText};

/// Digests that are remembered.
const FOUND: usize = 8;

/// What counts instead of what a look found, where that is held: what is journaled, with its own checks but for
/// what the endpoints say now, and that it wavers. None where the look counts.
pub(in crate::oracle::step) fn held_payload(
    turn: &mut Turn<'_>,
    id: ActionId,
    now: &Proposal,
    found: Root,
) -> Option<Box<Proposal>> {
    let journaled = turn.state.actions.get(&id)?;
    let (digest, before) = (
        journaled.digest,
        agreement(&journaled.proposal.checks).map(|c| c.status),
    );
    let live = &mut turn.state.volatile;
    if found == digest && !live.wavering.contains_key(&id) {
        return None;
    }
    let wavering = live.wavering.entry(id).or_default();
    let agree = agreement(&now.checks);
    wavering.payload.finds(digest, found, agree, live.up_ms);
    if found == digest {
        wavering.payload.since = None;
        return None;
    }
    // two endpoints or more bear it out, and not what is journaled
    let passes = |status| status == CheckStatus::Pass;
    let is_borne_out =
        agree.is_some_and(|c| passes(c.status)) && before.is_some_and(|before| !passes(before));
    if is_borne_out || wavering.payload.counts(found, live.up_ms) {
        return None;
    }
    wavering.changes = wavering.changes.max(AS_THEY_COME);
    let words = wavering.payload.words();
    let mut held = Box::new(turn.state.actions.get(&id)?.proposal.clone());
    // the others were made of another payload
    let agree = agree.cloned();
    held.checks
        .retain(|check| check.name != PAYLOAD_STEADY && (check.name != ENDPOINTS_AGREE || agree.is_none()));
    held.checks.extend(agree);
    held.checks.push(Check::fail(PAYLOAD_STEADY, words));
    Some(held)
}

fn agreement(checks: &[Check]) -> Option<&Check> {
    checks.iter().find(|check| check.name == ENDPOINTS_AGREE)
}

impl WaveringPayload {
    /// Notes what a look found beside what is journaled.
    fn finds(&mut self, journaled: Root, found: Root, agree: Option<&Check>, up_ms: u64) {
        if self.found.is_empty() {
            self.found.push(journaled);
        }
        if let Some(agree) = agree.filter(|c| c.status == CheckStatus::Fail) {
            self.named = agree.reason.clone();
        }
        if self.found.last() == Some(&found) {
            return;
        }
        if up_ms.saturating_sub(self.turned_ms) >= LASTING_MS {
            self.turns = 0;
        }
        let is_known = self.found.contains(&found);
        if is_known || agree.is_some_and(|c| c.status == CheckStatus::Fail) {
            self.turns += 1;
            self.turned_ms = up_ms;
        }
        self.found.retain(|known| *known != found);
        self.found.push(found);
        if self.found.len() > FOUND {
            self.found.remove(0);
        }
    }

    /// Whether what a look found, and is not journaled, takes the place of what is.
    fn counts(&mut self, found: Root, up_ms: u64) -> bool {
        let since = self.since.filter(|(known, _)| *known == found);
        let since = since.map_or(up_ms, |(_, since)| since);
        let has_lasted = up_ms.saturating_sub(since) >= LASTING_MS;
        let counts = self.turns <= AS_THEY_COME || has_lasted;
        self.since = (!counts).then_some((found, since));
        if has_lasted {
            *self = Self::default();
        }
        counts
    }

    fn words(&self) -> String {
        let who: SafeText = match self.named.as_str() {
            "" => "no endpoint is contradicted on it".into(),
            _ => self.named.clone(),
        };
        format!(
            "what would leave changes to and fro from look to look ({who}); another one counts when it has lasted for {} min",
            LASTING_MS / 60_000
        )
    }
}
