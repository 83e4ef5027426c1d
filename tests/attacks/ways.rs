//! What strangers send, a way each.

use std::sync::{Arc, Mutex};

use casimir_dkg::dkg::rockx::keys::OperatorPrivateKey;
use casimir_dkg::dkg::rockx::messenger::{PROOF_HEADER, prove_registration};
use casimir_dkg::dkg::rockx::wire::{
    Encode as _, GoBytes, Init, Message, MsgType, Output, SignedMessage, SignedOutput,
};
use casimir_dkg::types::{ForkVersion, OperatorId, RequestId};

use super::flood::Request;

/// A ceremony that goes on, which strangers know of: messengers tell their topics.
#[derive(Debug, Clone)]
struct Target {
    id: RequestId,
    /// Results of all four that a stranger signed, by operator.
    outputs: Vec<Vec<u8>>,
}

/// The ceremonies that go on.
#[derive(Clone)]
pub(crate) struct Targets {
    stranger: Arc<OperatorPrivateKey>,
    now: Arc<Mutex<Vec<Target>>>,
}

impl Targets {
    pub(crate) fn new() -> Self {
        Self {
            stranger: Arc::new(OperatorPrivateKey::generate().unwrap()),
            now: Arc::default(),
        }
    }

    pub(crate) fn begins(&self, id: RequestId) {
        let outputs = (1..=4)
            .map(|n| {
                let output = Output {
                    request_id: id,
                    encrypted_share: vec![66; 256].into(),
                    share_pub_key: vec![66; 48].into(),
                    validator_pub_key: vec![66; 48].into(),
                    deposit_data_signature: GoBytes::NIL,
                };
                let signed = SignedOutput::of_output(output, OperatorId(n), &self.stranger).unwrap();
                signed.to_json()
            })
            .collect();
        self.now.lock().unwrap().push(Target { id, outputs });
    }

    pub(crate) fn ends(&self, id: RequestId) {
        self.now.lock().unwrap().retain(|target| target.id != id);
    }

    /// One of those that go on; one that nobody holds where there is none.
    fn one(&self, n: u64) -> Target {
        let now = self.now.lock().unwrap();
        let count = now.len().max(1);
        let index = usize::try_from(n).unwrap_or_default() % count;
        now.get(index).cloned().unwrap_or_else(|| Target {
            id: strange(n),
            outputs: vec![b"{}".to_vec()],
        })
    }
}

/// A request id that nobody has.
fn strange(n: u64) -> RequestId {
    let mut id = [0xee; 24];
    id[..8].copy_from_slice(&n.to_be_bytes());
    RequestId(id)
}

fn post(path: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: {length}\r\n\r\n");
    [head.as_bytes(), body].concat()
}

/// A message that its signer has not signed.
fn forged(kind: MsgType, id: RequestId, signer: u64, data: &[u8]) -> Vec<u8> {
    let message = Message {
        msg_type: kind,
        identifier: id,
        data: data.into(),
    };
    let signed = SignedMessage {
        message: Some(message),
        signer: OperatorId(signer),
        signature: GoBytes::from(vec![7; 256]),
    };
    signed.to_ssv()
}

/// Results that no operator signed, to be vouched for by four.
pub(crate) fn outputs(targets: &Targets) -> Request {
    let targets = targets.clone();
    Arc::new(move |n| {
        let target = targets.one(n / 4);
        let output = &target.outputs[usize::try_from(n % 4).unwrap_or_default() % target.outputs.len()];
        let message = forged(MsgType::Output, target.id, 1 + n % 4, output);
        post(&format!("/publish?topic_name={}", target.id), &message)
    })
}

/// A whole result that no operator signed.
pub(crate) fn results(targets: &Targets) -> Request {
    let targets = targets.clone();
    Arc::new(move |n| {
        let target = targets.one(n);
        let texts = target.outputs.iter().zip(1..);
        let entries: Vec<_> = texts
            .map(|(output, n)| format!(r#""{n}":{}"#, String::from_utf8_lossy(output)))
            .collect();
        let body = format!("{{{}}}", entries.join(","));
        let path = format!("/stream/dkgoutput?request_id={}", target.id);
        post(&path, body.as_bytes())
    })
}

pub(crate) fn registrations() -> Request {
    Arc::new(|n| {
        let body = format!(r#"{{"name":"junk-{n}","srv_addr":"http://127.0.0.1:1"}}"#);
        post("/register_node?subscribes_to=default", body.as_bytes())
    })
}

/// Names and addresses as long as may be, of characters that a list escapes.
pub(crate) fn long_registrations() -> Request {
    Arc::new(|n| {
        let filler = ["x", "<", "&"][usize::try_from(n / 25).unwrap_or_default() % 3].repeat(460);
        let body = format!(
            r#"{{"name":"0{n}-{}","srv_addr":"http://8.8.8.8:1/{filler}"}}"#,
            &filler[..50]
        );
        post("/register_node?subscribes_to=default", body.as_bytes())
    })
}

/// What is known already, said again by anybody: where operators are, in the registry and in a ceremony that goes on, and
/// by observers of the strangers' own.
pub(crate) fn repetitions(targets: &Targets, operators: &[String]) -> Request {
    let (targets, operators) = (targets.clone(), operators.to_vec());
    Arc::new(move |n| {
        let turn = n / 25;
        let count = operators.len() as u64;
        let (name, address) = match usize::try_from(turn % (count + 1)) {
            Ok(at) if at < operators.len() => ((at + 1).to_string(), operators[at].clone()),
            _ => (
                format!("watcher-{}", turn % 40),
                format!("http://127.0.0.1:1/{}", "&".repeat(70)),
            ),
        };
        let place = match turn % 2 {
            0 => "default".to_owned(),
            _ => targets.one(n).id.to_string(),
        };
        let body = format!(r#"{{"name":"{name}","srv_addr":"{address}"}}"#);
        post(&format!("/register_node?subscribes_to={place}"), body.as_bytes())
    })
}

pub(crate) fn topics() -> Request {
    Arc::new(|n| {
        let body = format!(
            r#"{{"topic_name":"{}","subscribers":["1","2","3","4"]}}"#,
            strange(n)
        );
        post("/topics", body.as_bytes())
    })
}

/// Start messages of nobody.
pub(crate) fn starts() -> Request {
    Arc::new(|n| {
        let init = Init {
            operator_ids: (1..=4).map(OperatorId).collect(),
            threshold: 3,
            withdrawal_credentials: vec![1; 32].into(),
            fork: ForkVersion([0x10, 0, 0, 0x38]),
        };
        post("/consume", &forged(MsgType::Init, strange(n), 1, &init.to_json()))
    })
}

/// What the messenger hands to an observer, from somebody else.
pub(crate) fn handed(targets: &Targets) -> Request {
    let targets = targets.clone();
    Arc::new(move |n| {
        let target = targets.one(n);
        let message = forged(MsgType::Protocol, target.id, 1 + n % 4, br#"{"round":1}"#);
        post(&format!("/{}/consume", target.id), &message)
    })
}

/// What is no request, a connection each.
pub(crate) fn junk() -> Request {
    Arc::new(|n| format!("\u{1}{n} is no request\r\n\r\n").into_bytes())
}

/// A whole greeting of TLS 1.3, with a key share that nobody has the key of.
fn greeting(n: u64) -> Vec<u8> {
    fn with_length(bytes: &[u8]) -> Vec<u8> {
        let length = u16::try_from(bytes.len()).unwrap();
        [&length.to_be_bytes()[..], bytes].concat()
    }
    let mut random = [0x42; 32];
    random[..8].copy_from_slice(&n.to_be_bytes());
    let share = with_length(&[&[0, 0x1d][..], &with_length(&random)].concat());
    let extensions: Vec<u8> = [
        // the group, the ways to sign, the version, the share
        [&[0, 0x0a][..], &with_length(&with_length(&[0, 0x1d]))].concat(),
        [&[0, 0x0d][..], &with_length(&with_length(&[4, 3, 8, 4]))].concat(),
        [&[0, 0x2b][..], &with_length(&[2, 3, 4])].concat(),
        [&[0, 0x33][..], &with_length(&share)].concat(),
    ]
    .concat();
    let hello = [
        &[3, 3][..],
        &random,
        &[0],
        &with_length(&[0x13, 1, 0x13, 2]),
        &[1, 0],
        &with_length(&extensions),
    ]
    .concat();
    let handshake = [&[1, 0][..], &with_length(&hello)].concat();
    [&[0x16, 3, 1][..], &with_length(&handshake)].concat()
}

/// Handshakes that lead nowhere: whole greetings that nothing follows, halves of them, and what is none.
pub(crate) fn handshakes() -> Request {
    Arc::new(|n| {
        let greeting = greeting(n);
        match n / 25 % 3 {
            0 => greeting,
            1 => greeting[..greeting.len() / 2].to_vec(),
            _ => [&[0x16, 3, 1, 0, 64][..], &[0xff; 64]].concat(),
        }
    })
}

/// The first half of a greeting, and silence.
pub(crate) fn half_greeting() -> Vec<u8> {
    greeting(0)[..60].to_vec()
}

/// Requests that no route has.
pub(crate) fn nowhere() -> Request {
    Arc::new(|n| format!("GET /{n} HTTP/1.1\r\nhost: x\r\n\r\n").into_bytes())
}

/// Lines that no seat says.
pub(crate) fn lines() -> Request {
    Arc::new(|n| format!("{{\"no\":\"message\",\"n\":{n}}}\n").into_bytes())
}

/// A head that does not end, of which hyper by itself keeps 400 KiB.
pub(crate) fn long_head() -> Vec<u8> {
    format!("GET /ping HTTP/1.1\r\nhost: x\r\nx: {}", "x".repeat(371 << 10)).into_bytes()
}

/// Heads that do not end, one behind the other.
pub(crate) fn heads() -> Request {
    Arc::new(|n| format!("GET /{n} HTTP/1.1\r\nhost: x\r\nx: {}", "x".repeat(40 << 10)).into_bytes())
}

/// Requests for the longest lists, whose answers nobody reads.
pub(crate) fn lists() -> Vec<u8> {
    let ask = |path: &str| format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
    [ask("/topics"), ask("/topics/default")]
        .concat()
        .repeat(20)
        .into_bytes()
}

/// Operators and topics of which a list is as long as it may be: 64 guests of each address, with names and addresses as long
/// as they may be, in topics of their own.
pub(crate) fn long_names() -> Request {
    const GUESTS: u64 = 64;
    // which of the attackers' addresses this one is sent from
    let group = |n: u64| n % 25 % 4;
    let name = |group: u64, guest: u64| format!("{group}-{guest:02}{:a<60}", "");
    Arc::new(move |n| match n / 25 {
        guest @ 0..GUESTS => {
            let (name, path) = (name(group(n), guest), "a".repeat(480));
            let body = format!(r#"{{"name":"{name}","srv_addr":"http://127.0.0.1:1/{path}"}}"#);
            post("/register_node?subscribes_to=default", body.as_bytes())
        }
        turn => {
            // all of them, or as many as there is room for in one topic
            let guests = if turn % 2 == 0 { GUESTS } else { 4 };
            let names: Vec<String> = (0..guests)
                .map(|guest| format!(r#""{}""#, name(group(n), (turn + guest) % GUESTS)))
                .collect();
            let id = strange(n);
            let body = format!(r#"{{"topic_name":"{id}","subscribers":[{}]}}"#, names.join(","));
            post("/topics", body.as_bytes())
        }
    })
}

/// A stranger with a key of its own, and what it makes with it.
struct Guest {
    key: OperatorPrivateKey,
    name: u64,
}

impl Guest {
    fn new(name: u64) -> Self {
        Self {
            key: OperatorPrivateKey::generate().unwrap(),
            name,
        }
    }

    fn registers(&self) -> Vec<u8> {
        let (name, address) = (self.name.to_string(), "http://127.0.0.1:1");
        let proof = prove_registration(&self.key, "default", &name, address).unwrap();
        let body = format!(r#"{{"name":"{name}","srv_addr":"{address}"}}"#);
        let path = "/register_node?subscribes_to=default";
        let length = body.len();
        let register = format!(
            "POST {path} HTTP/1.1\r\nhost: x\r\n{PROOF_HEADER}: {proof}\r\ncontent-length: {length}\r\n\r\n{body}"
        );
        register.into_bytes()
    }

    fn makes(&self, id: RequestId) -> Vec<u8> {
        let topic = format!(r#"{{"topic_name":"{id}","subscribers":["{}"]}}"#, self.name);
        post("/topics", topic.as_bytes())
    }

    fn publishes(&self, id: RequestId, n: u8) -> Vec<u8> {
        let message = Message {
            msg_type: MsgType::Protocol,
            identifier: id,
            data: format!(
                r#"{{"round":1,"preparation":{{"SessionPk":"{}"}}}}"#,
                "Qk".repeat(usize::from(n) + 1)
            )
            .into_bytes()
            .into(),
        };
        let signed = message.sign(OperatorId(self.name), &self.key).unwrap().to_ssv();
        post(&format!("/publish?topic_name={id}"), &signed)
    }

    /// A result of nearly the longest that is taken.
    fn reports(&self, id: RequestId, n: u8) -> Vec<u8> {
        let output = Output {
            request_id: id,
            encrypted_share: vec![n; 180 << 10].into(),
            share_pub_key: vec![66; 48].into(),
            validator_pub_key: vec![66; 48].into(),
            deposit_data_signature: GoBytes::NIL,
        };
        let signed = SignedOutput::of_output(output, OperatorId(self.name), &self.key).unwrap();
        let text = signed.to_json();
        let body = format!(r#"{{"{}":{}}}"#, self.name, String::from_utf8_lossy(&text));
        assert!(body.len() <= 256 << 10, "{}", body.len());
        post(&format!("/stream/dkgoutput?request_id={id}"), body.as_bytes())
    }
}

/// Each of these in its turn on each connection.
fn in_turn(requests: Vec<Vec<u8>>) -> Request {
    Arc::new(move |n| {
        let at = usize::try_from(n / 25).unwrap_or_default() % requests.len();
        requests[at].clone()
    })
}

fn get(path: &str) -> Vec<u8> {
    format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n").into_bytes()
}

/// A stranger proves its key, makes a topic for itself, and signs what it says there.
pub(crate) fn guests() -> Request {
    let (guest, id) = (Guest::new(9_001), strange(u64::MAX));
    let mut requests = vec![guest.registers(), guest.makes(id)];
    requests.extend((0..64).map(|n| guest.publishes(id, n)));
    requests.push(get(&format!("/data/{id}?wait=9000")));
    in_turn(requests)
}

/// A stranger with a key fills as many topics as one address may have, as far as there is room for its messages.
pub(crate) fn stored() -> Request {
    const TOPICS: u64 = 12;
    let guest = Guest::new(9_002);
    let mut requests = vec![guest.registers()];
    for topic in 0..TOPICS {
        let id = strange(u64::MAX - 2 - topic);
        requests.push(guest.makes(id));
        requests.extend((0..48).map(|n| guest.publishes(id, n)));
    }
    in_turn(requests)
}

/// The topic of [`conflicts`].
fn disputed() -> RequestId {
    strange(u64::MAX - 1)
}

/// A stranger with a key signs different results of one ceremony of its own, as long as they may be.
pub(crate) fn conflicts() -> Request {
    let (guest, id) = (Guest::new(9_003), disputed());
    let mut requests = vec![guest.registers(), guest.makes(id)];
    // a few of many: what is sent has as many bytes as a machine takes in a second
    for n in 0..17 {
        requests.push(guest.reports(id, n));
        let (result, all) = (format!("/data/{id}"), format!("/data/{id}/conflicts"));
        requests.extend([get(&all), get(&result)].into_iter().cycle().take(20));
    }
    in_turn(requests)
}

/// Requests for those results, whose answers nobody reads.
pub(crate) fn results_unread() -> Vec<u8> {
    let id = disputed();
    [get(&format!("/data/{id}/conflicts")), get(&format!("/data/{id}"))]
        .concat()
        .repeat(20)
}

/// The beginning of a long body, whose rest does not come.
pub(crate) fn slow_body(path: &str) -> Vec<u8> {
    let head = format!("POST {path} HTTP/1.1\r\nhost: x\r\ncontent-length: 100000\r\n\r\n");
    [head.as_bytes(), &[b'x'; 33 << 10]].concat()
}

/// What whoever monitors asks for.
pub(crate) fn metrics() -> Request {
    Arc::new(|_| get("/metrics"))
}

/// What a proxy makes of it that was sent nonsense by so many clients.
pub(crate) fn through_a_proxy(way: Request, clients: u64) -> Request {
    Arc::new(move |n| {
        let request = way(n);
        let head = b"\r\nhost: x\r\n";
        let Some(at) = request.windows(head.len()).position(|part| part == head) else {
            return request;
        };
        let (before, behind) = request.split_at(at + head.len());
        let header = format!("x-forwarded-for: x, 203.0.113.{}\r\n", 1 + n % clients);
        [before, header.as_bytes(), behind].concat()
    })
}

/// Each in its turn.
pub(crate) fn all(ways: Vec<Request>) -> Request {
    Arc::new(move |n| {
        let count = ways.len() as u64;
        // the senders take every 25th: all ways go over each of their connections
        let way = usize::try_from((n / 25) % count).unwrap_or_default();
        ways[way](n)
    })
}
