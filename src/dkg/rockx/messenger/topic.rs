//! A topic: one ceremony's members, messages and deliveries.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::net::IpAddr;
use std::sync::Arc;

use super::config::Limits;
use super::lane::Lane;
use super::message::{Inspected, Message, Rank, ResultClaim, hash};
use crate::dkg::rockx::wire::{
    BlameOutput, Encode, GoMap, SignedOutput, Subscriber, Topic as TopicReply, topic_text,
};
use crate::http::parse;
use crate::listen::plain;
use crate::types::{OperatorId, RedactedUrl, RequestId, Root, UnixMillis};

/// One subscriber of a topic.
#[derive(Debug)]
pub(super) struct Member {
    /// Prefix of its `/consume`.
    pub(super) address: String,
    /// It registered on this topic itself. It gets everything, but what is sent in its name is not forwarded: only the
    /// members that the ceremony was created with take part.
    pub(super) direct: bool,
    /// Its address is reached whatever it is.
    pub(super) exempt: bool,
    /// Who subscribed it, unless the topic's owner did.
    pub(super) client: Option<IpAddr>,
    pub(super) lane: Lane,
}

/// Who subscribes to a topic of its own accord.
#[derive(Debug, Clone, Copy)]
pub(super) struct Guest {
    pub(super) client: IpAddr,
    /// It made the topic.
    pub(super) is_owner: bool,
}

/// Who made a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Origin {
    /// An initiator that is configured, or the one in this process.
    Known,
    /// Somebody; where from is not known of topics of earlier versions.
    Guest(Option<IpAddr>),
}

/// Bytes that a member takes beside its name and address.
const MEMBER: usize = 256;
/// Subscribers beyond the bound that a topic's owner may have.
const OWNERS_OWN: usize = 16;

/// A ceremony's topic.
#[derive(Debug)]
pub(super) struct Topic {
    pub(super) id: RequestId,
    /// Differs for every topic object, so that a worker notices that its topic was replaced.
    pub(super) generation: u64,
    pub(super) members: BTreeMap<String, Member>,
    /// By arrival; kept for observers that come late.
    pub(super) messages: Vec<Arc<Message>>,
    /// Creation or last publication.
    pub(super) touched: UnixMillis,
    /// Hash of the secret with which the topic's creator may delete it at any time.
    pub(super) owner: Option<[u8; 32]>,
    pub(super) origin: Origin,
    /// When a result arrived that agrees with what the members published.
    pub(super) finished: Option<UnixMillis>,
    pub(super) next_seq: u64,
    list_bytes: usize,
    /// Those of who is neither its owner's doing, nor its owner.
    guests_bytes: usize,
    /// Of every message that was kept, by what its signature covers: whoever overheard one has any number of wrappings of it.
    known: HashSet<(OperatorId, Root)>,
    per_signer: HashMap<OperatorId, usize>,
    outputs: HashSet<(OperatorId, [u8; 32])>,
    blames: HashSet<[u8; 32]>,
}

/// What became of a message.
#[derive(Debug)]
pub(super) enum Accepted {
    /// It is on the lanes of these members.
    Queued(Arc<Message>),
    /// It is there already.
    Duplicate,
    /// Its signer takes no part.
    Outsider,
    /// A bound is reached.
    Full,
}

impl Topic {
    pub(super) fn new(
        id: RequestId,
        generation: u64,
        members: impl IntoIterator<Item = (String, Member)>,
        now: UnixMillis,
    ) -> Self {
        let members: BTreeMap<String, Member> = members.into_iter().collect();
        let listed = members.iter().map(|(name, member)| listed(name, &member.address));
        Self {
            list_bytes: listed.sum(),
            guests_bytes: 0,
            id,
            generation,
            members,
            messages: Vec::new(),
            touched: now,
            owner: None,
            origin: Origin::Guest(None),
            finished: None,
            next_seq: 0,
            known: HashSet::new(),
            per_signer: HashMap::new(),
            outputs: HashSet::new(),
            blames: HashSet::new(),
        }
    }

    /// Names of the members that the topic was created with.
    pub(super) fn founders(&self) -> impl Iterator<Item = &str> {
        self.members
            .iter()
            .filter(|(_, member)| !member.direct)
            .map(|(name, _)| name.as_str())
    }

    /// Those whose messages are kept, all of whose signatures were checked.
    pub(super) fn signers(&self) -> impl Iterator<Item = OperatorId> {
        self.per_signer.keys().copied()
    }

    /// Whether the topic was made for this operator.
    pub(super) fn has_founder(&self, id: OperatorId) -> bool {
        self.members.get(&id.to_string()).is_some_and(|m| !m.direct)
    }

    /// What becomes of a message by this signer that says this, if its signature does not matter.
    pub(super) fn knows(&self, signer: OperatorId, root: Root) -> Option<Accepted> {
        if !self.has_founder(signer) {
            Some(Accepted::Outsider)
        } else if self.known.contains(&(signer, root)) {
            Some(Accepted::Duplicate)
        } else {
            None
        }
    }

    /// Why nobody else can subscribe: a guest, or (`None`) the topic's owner.
    /// Everybody whom they name gets all messages: so guests name each host once.
    pub(super) fn has_no_room(
        &self,
        guest: Option<IpAddr>,
        address: &str,
        limits: &Limits,
    ) -> Option<&'static str> {
        let Some(guest) = guest else {
            let full = self.members.len() >= limits.subscribers + OWNERS_OWN;
            return full.then_some("too many subscribers");
        };
        let same = self
            .members
            .values()
            .filter(|member| member.client == Some(guest));
        if self.members.len() >= limits.subscribers
            || self.list_bytes + listed("", address) > limits.topic_bytes
        {
            Some("too many subscribers")
        } else if same.count() >= (limits.subscribers / 4).max(1) {
            Some("too many subscribers of one address")
        } else if self.sends_guests_to(address) {
            Some("another observer at the same host is subscribed")
        } else {
            None
        }
    }

    /// Whether guests subscribed somebody at this host. On this machine, which is reached by nobody else, they may.
    fn sends_guests_to(&self, address: &str) -> bool {
        let Some(host) = host_of(address) else {
            return false;
        };
        let mut guests = self.members.values().filter(|member| member.client.is_some());
        guests.any(|member| host_of(&member.address).as_ref() == Some(&host))
    }

    /// Takes a message, whose signature was checked, and puts it on every lane but its signer's.
    pub(super) fn accept(
        &mut self,
        read: &Inspected,
        evidence: ResultClaim,
        body: axum::body::Bytes,
        now: UnixMillis,
        limits: &Limits,
    ) -> Accepted {
        let (signer, rank) = (read.signer, read.rank);
        if let Some(known) = self.knows(signer, read.root) {
            return known;
        }
        let of_signer = self.per_signer.get(&signer).copied().unwrap_or_default();
        if self.messages.len() >= limits.messages_per_topic || of_signer >= limits.messages_per_signer {
            return Accepted::Full;
        }
        let message = Arc::new(Message {
            seq: self.next_seq,
            signer,
            rank,
            at: now,
            body,
        });
        self.keep(&message, read.root, evidence);
        for (name, member) in &mut self.members {
            if wants(name, &message) {
                member.lane.push(Arc::clone(&message));
            }
        }
        // whoever speaks has started, or is alive again
        if let Some(member) = self.members.get_mut(&signer.to_string()) {
            member.lane.sign_of_life();
        }
        self.touched = now;
        Accepted::Queued(message)
    }

    /// Books a message without putting it on any lane.
    pub(super) fn keep(&mut self, message: &Arc<Message>, root: Root, evidence: ResultClaim) {
        self.next_seq = self.next_seq.max(message.seq + 1);
        self.known.insert((message.signer, root));
        *self.per_signer.entry(message.signer).or_default() += 1;
        match evidence {
            ResultClaim::None => {}
            ResultClaim::Output(digest) => {
                self.outputs.insert((message.signer, digest));
            }
            ResultClaim::Blame(digest) => {
                self.blames.insert(digest);
            }
        }
        self.messages.push(Arc::clone(message));
    }

    /// Adds a subscriber of its own accord, or changes a member's address. A new one gets all messages so far. Anybody may
    /// say again what is known: that wakes no lane, and takes nothing from the member.
    pub(super) fn subscribe(&mut self, name: &str, address: &str, exempt: bool, guest: Option<Guest>) {
        if let Some(member) = self.members.get_mut(name) {
            if member.address == address {
                member.exempt |= exempt;
            } else {
                self.list_bytes -= listed(name, &member.address);
                self.list_bytes += listed(name, address);
                address.clone_into(&mut member.address);
                member.exempt = exempt;
                member.lane.sign_of_life();
            }
            return;
        }
        let mut member = Member::new(address.to_owned(), true, exempt);
        member.client = guest.filter(|guest| !guest.is_owner).map(|guest| guest.client);
        for message in self.messages.iter().filter(|message| wants(name, message)) {
            member.lane.push(Arc::clone(message));
        }
        let listed = listed(name, address);
        self.list_bytes += listed;
        if member.client.is_some() {
            self.guests_bytes += listed + MEMBER;
        }
        self.members.insert(name.to_owned(), member);
    }

    /// How many operators' entries of a streamed result are what those operators published here; 0 unless all are.
    pub(super) fn weigh_outputs(&self, outputs: &GoMap<SignedOutput>) -> usize {
        let published = |(signer, output): (&OperatorId, &SignedOutput)| {
            self.outputs.contains(&(*signer, hash(&output.to_json())))
        };
        if outputs.iter().all(published) {
            outputs.len()
        } else {
            0
        }
    }

    /// 1 when the accusation was published here, else 0.
    pub(super) fn weigh_blame(&self, blame: &BlameOutput) -> usize {
        let published = |message: &_| self.blames.contains(&hash(&Encode::to_json(message)));
        usize::from(blame.blame_message.as_ref().is_some_and(published))
    }

    /// Forgets all messages and what waits; they stay known, so that none comes in twice.
    pub(super) fn drop_messages(&mut self) {
        self.messages = Vec::new();
        for member in self.members.values_mut() {
            member.lane.clear();
        }
    }

    /// Bytes of its subscribers in a list of topics.
    pub(super) fn list_bytes(&self) -> usize {
        self.list_bytes
    }

    /// Bytes that guests make it take, without messages: all of a guest's topic, else who subscribed of their own accord.
    pub(super) fn room_of_guests(&self) -> usize {
        match self.origin {
            Origin::Guest(_) => room_of(self.list_bytes, self.members.len()),
            Origin::Known => self.guests_bytes,
        }
    }

    /// Deliveries waiting.
    pub(super) fn pending(&self) -> usize {
        self.members.values().map(|member| member.lane.len()).sum()
    }

    /// As `GET /topics` shows it.
    pub(super) fn reply(&self) -> TopicReply {
        let subscribers = self.members.iter().map(|(name, member)| Subscriber {
            name: name.clone(),
            srv_addr: member.address.clone(),
        });
        TopicReply::new(self.id.to_string(), subscribers)
    }

    /// As `GET /topics/{name}` shows it: those for whom it was made, then whoever came by itself; of all of them those whom
    /// `wants` names.
    pub(super) fn text(&self, wants: impl Fn(&str) -> bool) -> Vec<u8> {
        let of = |direct: bool| {
            let members = self
                .members
                .iter()
                .filter(move |(_, member)| member.direct == direct);
            members.map(|(name, member)| (name.as_str(), member.address.as_str()))
        };
        let wanted = of(false).chain(of(true)).filter(|(name, _)| wants(name));
        topic_text(&self.id.to_string(), wanted)
    }
}

impl Member {
    pub(super) fn new(address: String, direct: bool, exempt: bool) -> Self {
        Self {
            address,
            direct,
            exempt,
            client: None,
            lane: Lane::default(),
        }
    }
}

/// Bytes that a subscriber takes in a list of topics, where its name stands twice.
pub(super) fn listed(name: &str, address: &str) -> usize {
    let subscriber = Subscriber {
        name: name.to_owned(),
        srv_addr: address.to_owned(),
    };
    TopicReply::new("", [subscriber]).to_json().len()
}

/// Bytes that a topic takes whose subscribers take so many in a list.
pub(super) fn room_of(list_bytes: usize, members: usize) -> usize {
    const TOPIC: usize = 512;
    TOPIC + list_bytes + members * MEMBER
}

/// The host of an address, unless it is this machine.
fn host_of(address: &str) -> Option<String> {
    let url = parse(&RedactedUrl::new(address)).ok()?;
    let host = url.host_str()?.trim_end_matches('.').to_owned();
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let near = bare.parse().is_ok_and(|ip: IpAddr| plain(ip).is_loopback());
    (!near && host != "localhost").then_some(host)
}

/// Nobody gets its own message, and operators do not get the noise that follows success. Observers, whose names are no
/// operator ids, get everything.
pub(super) fn wants(name: &str, message: &Message) -> bool {
    let is_operator = !name.is_empty() && name.bytes().all(|b| b.is_ascii_digit());
    !is_operator || (message.rank != Rank::LateTimeout && name != message.signer.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "http://one";

    fn topic() -> Topic {
        let founder = Member::new(ONE.to_owned(), false, true);
        Topic::new(RequestId([1; 24]), 1, [("1".to_owned(), founder)], UnixMillis(0))
    }

    /// Whoever said a founder's name and address again while the look-up of its host was held up took its exemption, and
    /// every further delivery to it failed.
    #[test]
    fn what_is_said_again_takes_no_exemption() {
        let mut topic = topic();
        topic.subscribe("1", ONE, false, None);
        assert!(topic.members["1"].exempt);
        topic.subscribe("1", "http://elsewhere", false, None);
        assert!(!topic.members["1"].exempt, "where it is now is judged anew");
        topic.subscribe("house", "http://127.0.0.1", true, None);
        topic.subscribe("house", "http://127.0.0.1", false, None);
        assert!(topic.members["house"].exempt);
    }

    #[test]
    fn those_for_whom_a_topic_was_made_come_first() {
        let mut topic = topic();
        topic.subscribe("0", "http://zero", false, None);
        let of = |topic: &Topic, name: &str| {
            String::from_utf8(topic.text(|n| name.is_empty() || n == name)).unwrap()
        };
        let all = of(&topic, "");
        assert!(
            all.find("http://one").unwrap() < all.find("http://zero").unwrap(),
            "{all}"
        );
        let none = format!(r#"{{"Name":"{}","Subscribers":{{}}}}"#, topic.id);
        assert_eq!(of(&topic, "2"), none);
    }
}
