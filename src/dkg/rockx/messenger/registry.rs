//! Who is registered, and who may take whose place.
//!
//! | Standing | How | Room |
//! |---|---|---|
//! | listed | the configuration names this operator at exactly this address, which anybody may say | always |
//! | confirmed | it signed its registration with the key that the configuration has of it | always |
//! | guest | everybody else; its first proof, if it brings one, binds the name to that key | so many in all and from one client |
//!
//! A guest that was never heard of in a ceremony makes room for the next one after [`UNHEARD`], one that proved nothing
//! before others and at once for one that did, and every guest is forgotten after [`Limits::guest_ttl`]. That a guest
//! which proves nothing says again where it is makes it no younger: junk would never age. A name that was proved lately belongs to its key: no other registration moves
//! it, however silent its address is. While the key of a listed operator is not known here, a key that somebody proves at
//! its address says no more than a guest's: only a confirmed one takes a name from another key.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use super::config::Limits;
use crate::dkg::rockx::keys::OperatorPublicKey;
use crate::types::UnixMillis;

/// A proof counts for this long. Nodes of ours prove themselves every 30 seconds.
const FRESH: Duration = Duration::from_secs(10 * 60);
/// A guest that no ceremony has heard of since makes room for another.
const UNHEARD: Duration = Duration::from_secs(10 * 60);
/// An address about which nobody may be asked is taken for silent when nothing was heard of its owner for so long.
const SILENT: Duration = Duration::from_secs(24 * 60 * 60);

/// Why a name is not given to another key, and who gives it.
const ANOTHER_KEY: &str = "registered with another key. Where this operator has a new one, the messenger's host names it (public_key of \
                           its [[messenger.operator]], and a restart), once the node with the old key has stopped";
const SAME_KEY: &str = "registered by a proof of its key: prove the same one. Where this operator has a new one, the messenger's host names \
                        it (public_key of its [[messenger.operator]], and a restart), or allows messenger.takeover and ten minutes pass \
                        after the node with the old key has stopped";

/// A registration.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    pub(super) address: String,
    /// That proved the registration.
    pub(super) key: Option<Arc<OperatorPublicKey>>,
    /// When it did so last.
    pub(super) proved: Option<UnixMillis>,
    /// What the owner's clock showed at the last of its proofs.
    pub(super) signed: Option<UnixMillis>,
    /// This key is the one that the configuration has of the operator.
    pub(super) confirmed: bool,
    /// The configuration lists this address: it is reached whatever it is.
    pub(super) listed: bool,
    /// Who registered it; not known of entries of earlier versions.
    pub(super) client: Option<IpAddr>,
    /// When it was last heard of: by a registration, a message, or a delivery that it took.
    pub(super) seen: UnixMillis,
    /// A ceremony has heard of it.
    pub(super) heard: bool,
}

/// What a request to register claims, as far as it was checked.
#[derive(Debug, Clone)]
pub(super) struct Claim {
    pub(super) name: String,
    pub(super) entry: Entry,
}

/// What a registration leads to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is entered; this guest goes for it.
    Enter { instead_of: Option<String> },
    /// It is entered if nobody answers at this address any more, or if nobody may be asked and `unasked` says so.
    Ask { old: String, unasked: bool },
    /// The name belongs to somebody else.
    Taken(&'static str),
    /// There is no room.
    Full(&'static str),
}

/// See the module's description.
#[derive(Debug, Default)]
pub(super) struct Registry {
    by_name: BTreeMap<String, Entry>,
}

impl Registry {
    pub(super) fn len(&self) -> usize {
        self.by_name.len()
    }

    pub(super) fn get(&self, name: &str) -> Option<&Entry> {
        self.by_name.get(name)
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&String, &Entry)> {
        self.by_name.iter()
    }

    /// The key that a name's registration proved.
    pub(super) fn key(&self, name: &str) -> Option<Arc<OperatorPublicKey>> {
        self.by_name.get(name)?.key.clone()
    }

    pub(super) fn remove(&mut self, name: &str) {
        self.by_name.remove(name);
    }

    pub(super) fn insert(&mut self, name: String, entry: Entry) {
        self.by_name.insert(name, entry);
    }

    /// Something was heard of this operator in a ceremony.
    pub(super) fn hear(&mut self, name: &str, now: UnixMillis) -> Option<&Entry> {
        let entry = self.by_name.get_mut(name)?;
        // once an hour is enough for what lives a week, and spares the disk
        let news = !entry.heard || now.since(entry.seen) > Duration::from_secs(60 * 60);
        entry.heard = true;
        entry.seen = now;
        news.then_some(entry)
    }

    /// A ceremony that it shall take part in was just prepared.
    pub(super) fn touch(&mut self, name: &str, now: UnixMillis) {
        if let Some(entry) = self.by_name.get_mut(name) {
            entry.seen = now;
        }
    }

    /// Whether the claim may be entered. `takeover` says that the last word counts.
    pub(super) fn judge(&self, claim: &Claim, takeover: bool, now: UnixMillis, limits: &Limits) -> Verdict {
        match self.by_name.get(&claim.name) {
            Some(old) => contest(old, &claim.entry, takeover, now),
            None => self.make_room(claim, now, limits),
        }
    }

    fn make_room(&self, claim: &Claim, now: UnixMillis, limits: &Limits) -> Verdict {
        let guests = || self.by_name.iter().filter(|(_, entry)| !entry.is_vouched());
        let oldest = |unheard: bool| {
            let may_go = |entry: &Entry| {
                let gives_way = entry.key.is_none() && claim.entry.key.is_some();
                !unheard || !entry.heard && (gives_way || now.since(entry.seen) >= UNHEARD)
            };
            let candidates = guests().filter(|(_, entry)| may_go(entry));
            let oldest = candidates.min_by_key(|(_, entry)| (entry.heard, entry.key.is_some(), entry.seen));
            oldest.map(|(name, _)| name.clone())
        };
        if claim.entry.is_vouched() {
            let instead_of = (self.by_name.len() >= limits.registered)
                .then(|| oldest(false))
                .flatten();
            return Verdict::Enter { instead_of };
        }
        let same = guests().filter(|(_, entry)| entry.client.is_some() && entry.client == claim.entry.client);
        if same.count() >= limits.guests_per_client {
            return Verdict::Full("too many registrations from one address");
        }
        let full = guests().count() >= limits.guests || self.by_name.len() >= limits.registered;
        match full.then(|| oldest(true)) {
            None => Verdict::Enter { instead_of: None },
            Some(Some(guest)) => Verdict::Enter {
                instead_of: Some(guest),
            },
            Some(None) => Verdict::Full("too many subscribers"),
        }
    }

    /// Guests that are over their time, or too many of whom an earlier version let in.
    pub(super) fn stale(&self, now: UnixMillis, limits: &Limits) -> Vec<String> {
        let entries = self.by_name.iter();
        let mut guests: Vec<(&String, &Entry)> = entries.filter(|(_, entry)| !entry.is_vouched()).collect();
        guests.sort_by_key(|(_, entry)| (entry.heard, entry.seen));
        let too_many = guests.len().saturating_sub(limits.guests);
        let is_old = |entry: &Entry| now.since(entry.seen) >= limits.guest_ttl;
        guests
            .into_iter()
            .enumerate()
            .filter(|(n, (_, entry))| *n < too_many || is_old(entry))
            .map(|(_, (name, _))| name.clone())
            .collect()
    }
}

impl Entry {
    /// The configuration has its key, or lists its address.
    pub(super) fn is_vouched(&self) -> bool {
        self.confirmed || self.listed
    }

    /// Whether the same is known already, and was heard lately: then there is nothing to store. `old` is of the same name.
    pub(super) fn says_nothing_new(&self, old: &Self, now: UnixMillis) -> bool {
        let same_key = self.key.is_none() || self.key == old.key;
        let last = match self.proved {
            Some(_) => old.proved,
            None => Some(old.seen),
        };
        let same = old.address == self.address
            && same_key
            && (self.key.is_none() || old.client == self.client)
            && (old.confirmed, old.listed) == (old.confirmed || self.confirmed, old.listed || self.listed);
        let is_renewed = self.key.is_some() || self.is_vouched() || old.is_vouched();
        same && (!is_renewed || last.is_some_and(|at| now.since(at) < FRESH / 2))
    }

    /// What is known of the same name, and was not said again, stays: all of it at the same address, and wherever its owner
    /// is, the key that the configuration has of it.
    pub(super) fn inherit(&mut self, old: &Self) {
        let stays = old.address == self.address;
        let proves_nothing = self.key.is_none();
        if proves_nothing && (stays || old.confirmed) {
            self.key.clone_from(&old.key);
            self.proved = old.proved;
            self.confirmed = old.confirmed;
        }
        if self.key == old.key {
            self.signed = self.signed.max(old.signed);
            // what confirmed it may be away now
            self.confirmed |= old.confirmed;
        }
        if stays {
            if proves_nothing {
                self.client = old.client;
            }
            self.listed |= old.listed;
            self.heard |= old.heard;
            if proves_nothing && !self.is_vouched() {
                self.seen = old.seen;
            }
        }
    }
}

/// A name that is registered already, and somebody who wants it.
fn contest(old: &Entry, new: &Entry, takeover: bool, now: UnixMillis) -> Verdict {
    const OTHER_KEY: Verdict = Verdict::Taken(ANOTHER_KEY);
    let enter = Verdict::Enter { instead_of: None };
    let same_key = new.key.is_some() && new.key == old.key;
    let other_key = new.key.is_some() && old.key.is_some() && !same_key;
    let fresh = old.proved.is_some_and(|at| now.since(at) < FRESH);
    if old.address == new.address {
        return match other_key && !new.confirmed && (fresh || old.is_vouched()) {
            true => OTHER_KEY,
            false => enter,
        };
    }
    let ask = |unasked| match takeover {
        true => enter.clone(),
        false => Verdict::Ask {
            old: old.address.clone(),
            unasked,
        },
    };
    if same_key && new.signed < old.signed {
        return Verdict::Taken(
            "registered by a later proof of its key: this one was overheard, or a clock is wrong",
        );
    }
    // a moved node, or the second of two that run by mistake
    if same_key {
        return ask(true);
    }
    if new.confirmed {
        return enter;
    }
    if fresh {
        return Verdict::Taken(SAME_KEY);
    }
    if other_key && old.confirmed {
        return OTHER_KEY;
    }
    if new.listed {
        return enter;
    }
    if old.is_vouched() {
        return Verdict::Taken("registered at the address that the configuration lists");
    }
    ask(now.since(old.seen) >= SILENT)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dkg::rockx::keys::OperatorPrivateKey;

    const NOW: UnixMillis = UnixMillis(10_000_000_000);

    fn bare(address: &str) -> Entry {
        Entry {
            address: address.to_owned(),
            key: None,
            proved: None,
            signed: None,
            confirmed: false,
            listed: false,
            client: None,
            seen: NOW,
            heard: false,
        }
    }

    fn proved(address: &str, key: &Arc<OperatorPublicKey>, confirmed: bool) -> Entry {
        Entry {
            key: Some(Arc::clone(key)),
            proved: Some(NOW),
            signed: Some(NOW),
            confirmed,
            ..bare(address)
        }
    }

    fn claim(name: &str, entry: Entry) -> Claim {
        Claim {
            name: name.to_owned(),
            entry,
        }
    }

    #[test]
    fn a_name_belongs_to_its_key_and_not_to_who_comes_first() {
        let key = || Arc::new(OperatorPrivateKey::generate().unwrap().public().clone());
        let (own, other) = (key(), key());
        let enter = Verdict::Enter { instead_of: None };
        let taken = |verdict: Verdict| matches!(verdict, Verdict::Taken(_));
        let at = |now| move |old: &Entry, new: &Entry| contest(old, new, false, now);
        let now = at(NOW);
        // somebody was first; the operator that the configuration knows gets its name
        assert_eq!(now(&bare("a"), &proved("b", &own, true)), enter);
        assert_eq!(now(&proved("a", &other, false), &proved("b", &own, true)), enter);
        // nobody moves a proved name, by an address that the configuration lists neither
        let listed = Entry {
            listed: true,
            ..bare("b")
        };
        // while the operator's key is not known here, anybody proves some key at the address that is listed
        let listed_by = |key| Entry {
            listed: true,
            ..proved("b", key, false)
        };
        for (verdict, way) in [
            (
                now(&proved("a", &own, true), &proved("a", &other, false)),
                "public_key of its [[messenger.operator]]",
            ),
            (
                now(&proved("a", &own, false), &proved("b", &other, false)),
                "messenger.takeover",
            ),
        ] {
            assert!(
                matches!(verdict, Verdict::Taken(why) if why.contains(way)),
                "{verdict:?}"
            );
        }
        for strange in [
            bare("b"),
            proved("b", &other, false),
            listed.clone(),
            listed_by(&other),
        ] {
            assert!(taken(now(&proved("a", &own, true), &strange)));
            assert!(taken(now(&proved("a", &own, false), &strange)));
        }
        assert!(taken(now(&proved("a", &own, true), &proved("a", &other, false))));
        // nor a listed one
        assert!(taken(now(&listed, &bare("c"))));
        assert_eq!(now(&bare("a"), &listed), enter);
        // a key that is not confirmed takes the name from no other: not where the operator is, nor by moving it
        assert!(taken(now(&listed_by(&own), &listed_by(&other))));
        assert!(taken(now(&listed_by(&own), &proved("b", &other, false))));
        let long_ago = at(NOW.plus(FRESH));
        assert!(taken(long_ago(&proved("a", &own, true), &listed_by(&other))));
        assert!(taken(long_ago(&listed_by(&own), &listed_by(&other))));
        // the one that is takes it from whoever was first
        assert_eq!(
            now(
                &listed_by(&other),
                &Entry {
                    listed: true,
                    ..proved("b", &own, true)
                }
            ),
            enter
        );
        assert_eq!(now(&listed_by(&other), &proved("c", &own, true)), enter);
        // a node that proves nothing is let in at the address that is listed, whatever key was proved there
        assert_eq!(now(&listed_by(&other), &listed), enter);
        assert_eq!(long_ago(&proved("a", &own, true), &listed), enter);
    }

    #[test]
    fn whoever_proves_its_key_moves_and_whoever_was_silent_for_long_makes_room() {
        let own = Arc::new(OperatorPrivateKey::generate().unwrap().public().clone());
        let enter = Verdict::Enter { instead_of: None };
        let taken = |verdict: Verdict| matches!(verdict, Verdict::Taken(_));
        let at = |now| move |old: &Entry, new: &Entry| contest(old, new, false, now);
        let now = at(NOW);
        let moves = now(&proved("a", &own, true), &proved("b", &own, true));
        assert!(matches!(moves, Verdict::Ask { unasked: true, .. }));
        // and an overheard registration moves it back to nowhere
        let earlier = |address: &str| Entry {
            signed: Some(UnixMillis(NOW.0 - 1)),
            ..proved(address, &own, true)
        };
        assert!(taken(now(&proved("b", &own, true), &earlier("a"))));
        assert_eq!(now(&proved("b", &own, true), &earlier("b")), enter);
        let mut repeated = earlier("b");
        repeated.inherit(&proved("b", &own, true));
        assert_eq!(repeated.signed, Some(NOW));
        // guests are asked for, and one of whom nothing was heard for a day has left
        assert!(matches!(
            now(&bare("a"), &bare("b")),
            Verdict::Ask { unasked: false, .. }
        ));
        let later = at(NOW.plus(SILENT));
        assert!(matches!(
            later(&bare("a"), &bare("b")),
            Verdict::Ask { unasked: true, .. }
        ));
        assert_eq!(contest(&bare("a"), &bare("b"), true, NOW), enter);
    }

    #[test]
    fn junk_takes_no_room_from_those_who_are_known() {
        let limits = Limits {
            registered: 10,
            guests: 6,
            guests_per_client: 4,
            ..Limits::default()
        };
        let mut registry = Registry::default();
        let from = |n: u8| Entry {
            client: Some(IpAddr::from([203, 0, 113, n])),
            ..bare("x")
        };
        let enter = |registry: &mut Registry, name: &str, entry: Entry, now| {
            let claim = claim(name, entry);
            let verdict = registry.judge(&claim, false, now, &limits);
            if let Verdict::Enter { instead_of } = &verdict {
                if let Some(guest) = instead_of {
                    registry.remove(guest);
                }
                registry.insert(claim.name, claim.entry);
            }
            verdict
        };
        for n in 0..100 {
            enter(&mut registry, &format!("junk-{n}"), from(1), NOW);
        }
        assert_eq!(registry.len(), 4, "one client's share");
        for n in 0..100 {
            enter(&mut registry, &format!("more-{n}"), from(2), NOW);
        }
        assert_eq!(registry.len(), 6, "all guests' share");
        for n in 0..8 {
            let known = Entry {
                confirmed: true,
                ..from(3)
            };
            let verdict = enter(&mut registry, &n.to_string(), known, NOW);
            assert!(matches!(verdict, Verdict::Enter { .. }));
        }
        assert_eq!(registry.len(), 10);
        let full = enter(&mut registry, "late", from(4), NOW);
        assert!(matches!(full, Verdict::Full(_)));
        let later = NOW.plus(UNHEARD);
        let let_in = enter(&mut registry, "late", from(4), later);
        assert!(matches!(let_in, Verdict::Enter { instead_of: Some(_) }));
        let old = registry.stale(later.plus(limits.guest_ttl), &limits);
        assert_eq!(
            old.len(),
            registry.iter().filter(|(_, entry)| !entry.is_vouched()).count()
        );
    }

    /// Junk that said again where it is never made room, and somebody with a proof was told that there is none.
    #[test]
    fn a_repeat_without_proof_makes_no_guest_younger_and_a_proof_takes_its_place() {
        let limits = Limits {
            registered: 10,
            guests: 4,
            guests_per_client: 4,
            ..Limits::default()
        };
        let mut registry = Registry::default();
        let junk = |now| Entry {
            seen: now,
            client: Some(IpAddr::from([203, 0, 113, 1])),
            ..bare("x")
        };
        for n in 0..4 {
            registry.insert(format!("junk-{n}"), junk(NOW));
        }
        let mut now = NOW;
        for _ in 0..4 {
            now = now.plus(FRESH * 3 / 5);
            for n in 0..4 {
                let name = format!("junk-{n}");
                let mut again = junk(now);
                let old = registry.get(&name).unwrap();
                assert!(again.says_nothing_new(old, now), "nothing is stored");
                again.inherit(old);
                registry.insert(name, again);
            }
        }
        let late = |entry: Entry| {
            let client = Some(IpAddr::from([203, 0, 113, 2]));
            registry.judge(&claim("late", Entry { client, ..entry }), false, now, &limits)
        };
        assert!(matches!(late(bare("y")), Verdict::Enter { instead_of: Some(_) }));

        let key = Arc::new(OperatorPrivateKey::generate().unwrap().public().clone());
        let judged = |registry: &Registry, entry: Entry| {
            let client = Some(IpAddr::from([203, 0, 113, 2]));
            registry.judge(&claim("late", Entry { client, ..entry }), false, NOW, &limits)
        };
        let mut young = Registry::default();
        for n in 0..4 {
            young.insert(format!("junk-{n}"), junk(NOW));
        }
        assert!(matches!(judged(&young, bare("y")), Verdict::Full(_)));
        let enters = judged(&young, proved("y", &key, false));
        assert!(
            matches!(enters, Verdict::Enter { instead_of: Some(_) }),
            "{enters:?}"
        );
        // whoever took part in a ceremony, or proved a key, keeps its place
        for n in 0..4 {
            let heard = Entry {
                heard: n % 2 == 0,
                ..junk(NOW)
            };
            let key = (n % 2 == 1).then(|| Arc::clone(&key));
            young.insert(format!("junk-{n}"), Entry { key, ..heard });
        }
        assert!(matches!(
            judged(&young, proved("y", &key, false)),
            Verdict::Full(_)
        ));
    }
}
