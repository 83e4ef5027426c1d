//! RockX's operators and messenger, asked in the ways of a ceremony's preparation and without a ceremony.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::initiator::messenger::{Messenger, missing};
use super::initiator::preflight::ask_all;
use super::keys::OperatorPublicKey;
use crate::dkg::health::{Examined, Health, Relay, Surroundings};
use crate::operators::{Directory, KeySources, fill_in};
use crate::ports::Answer;
use crate::types::{OperatorId, OperatorRecord, RedactedUrl, SafeText, counted};

const MESSENGER: &str = "messenger";
const REGISTRY: &str = "SSV API";
const ACCESS: &str = "messenger access";
/// What whoever is not registered can do about it.
const WHO_GETS_IN: &str = "a messenger of this program lets a node in that proves its key, or that its own configuration lists \
                           ([[messenger.operator]]); it keeps nothing of an operator whose key it does not know";

/// Asks everybody. No observer is opened, and a port of this machine for a moment only.
pub(crate) async fn look(at: &Surroundings) -> Health {
    let asked: Vec<_> = at
        .operators
        .iter()
        .map(|(id, record)| (*id, Some(record)))
        .collect();
    let (operators, mut other, (keyless, api)) = tokio::join!(
        ask_all(&at.http, &asked, at.deadline),
        async {
            match &at.relay {
                Relay::At(url) => elsewhere(at, url).await,
                Relay::Here { listen, public_url } => {
                    let local = public_url.is_none() && listen.ip().is_loopback();
                    vec![port(*listen, public_url.as_ref(), local), ours()]
                }
            }
        },
        keys(at)
    );
    other.extend(api);
    Health {
        operators,
        keyless,
        other,
    }
}

/// Completes the operators as the start does. Where every key is configured, the registry is asked for one of them all the
/// same: the messenger in this process asks it for whoever is not configured.
async fn keys(at: &Surroundings) -> (BTreeMap<OperatorId, SafeText>, Option<Examined>) {
    let mut missing: BTreeMap<_, _> = at
        .operators
        .iter()
        .filter(|(_, record)| record.public_key.is_empty())
        .map(|(id, record)| (*id, record.clone()))
        .collect();
    let Some(api) = at.registry.clone() else {
        let nobody = |id: OperatorId| (id, "no key is configured, nor operators.ssv_api".into());
        return (missing.into_keys().map(nobody).collect(), None);
    };
    let directory: Directory<OperatorPublicKey> = match Directory::new(KeySources {
        api: Some(api),
        ..KeySources::default()
    }) {
        Ok(directory) => directory,
        Err(error) => {
            return (
                BTreeMap::new(),
                Some(examined(REGISTRY, Answer::not_known(&error), "")),
            );
        }
    };
    let wanted = missing.len();
    if missing.is_empty() {
        let first = at.operators.iter().next();
        missing.extend(first.map(|(id, record)| {
            let record = OperatorRecord {
                public_key: "".into(),
                ..record.clone()
            };
            (*id, record)
        }));
    }
    let asked = missing.len();
    let all = missing.into_iter().map(async |(id, record)| {
        let mut one = BTreeMap::from([(id, record)]);
        let error = fill_in(&mut one, &directory).await.err()?;
        Some((id, SafeText::new(&error.to_string())))
    });
    let mut keyless: BTreeMap<_, _> = join_all(all).await.into_iter().flatten().collect();
    let found = match keyless.values().next() {
        Some(why) => Answer::not_known(format!(
            "{} of {} could not be told: {why}",
            keyless.len(),
            counted(asked, "key")
        )),
        None => Answer::Yes(SafeText::new(&format!(
            "tells the {} that it was asked for",
            counted(asked, "key")
        ))),
    };
    let hint = (!keyless.is_empty()).then_some(match wanted {
        0 => "nothing here needs it but operators that are not configured; look at operators.ssv_api",
        _ => {
            "the start waits for these keys, and every ceremony with it: look at operators.ssv_api, or configure each \
             operator's public_key"
        }
    });
    if wanted == 0 {
        keyless.clear();
    }
    let what = REGISTRY;
    (keyless, Some(Examined { what, found, hint }))
}

async fn elsewhere(at: &Surroundings, url: &RedactedUrl) -> Vec<Examined> {
    let messenger = match Messenger::new(&at.http, url.expose(), at.deadline, None, None) {
        Ok(messenger) => messenger,
        Err(error) => {
            return vec![examined(
                MESSENGER,
                Answer::no(format!("{url}: {error}")),
                "set dkg.messenger_url",
            )];
        }
    };
    let begun = Instant::now();
    let ids: Vec<_> = at.operators.keys().copied().collect();
    let (there, registered) = tokio::join!(
        async { (messenger.ping().await, begun.elapsed()) },
        messenger.registered(&ids)
    );
    let found = match there {
        (Ok(version), took) => Answer::Yes(answers(url, took, version.as_ref())),
        (Err(error), _) => Answer::not_known(format!("{url}: {error}")),
    };
    let hint = found
        .as_ref()
        .yes()
        .is_none()
        .then_some("is it running, and a messenger?");
    let registered: Answer<_> = registered.map(|registered| missing(&registered, &ids)).into();
    let what = MESSENGER;
    vec![Examined { what, found, hint }, access(registered, at.has_key)]
}

/// Who gets in at a messenger elsewhere. Whoever is not registered yet may be the next moment.
fn access(unregistered: Answer<Vec<OperatorId>>, has_key: bool) -> Examined {
    let away = match unregistered.value() {
        Ok(away) => away,
        Err(why) => {
            let words = format!("who is registered could not be found out: {why}");
            return examined(ACCESS, Answer::not_known(words), WHO_GETS_IN);
        }
    };
    if !away.is_empty() {
        let ids: Vec<_> = away.iter().map(ToString::to_string).collect();
        let words = format!("not registered: operators {}", ids.join(", "));
        return examined(ACCESS, Answer::not_known(words), WHO_GETS_IN);
    }
    let words = match has_key {
        true => "every operator is registered; topics are signed",
        false => {
            "every operator is registered; without dkg.initiator_key_file a messenger that names its initiators \
             ([[messenger.initiator]]) creates no topic for this oracle"
        }
    };
    let found = Answer::Yes(words.into());
    let (what, hint) = (ACCESS, None);
    Examined { what, found, hint }
}

/// Who gets in at the messenger in the process.
fn ours() -> Examined {
    let words = "our nodes prove their keys, RockX's get in at the endpoint of their [[operator]] or the address of a \
                 [[messenger.operator]]; what no operator signed is not kept";
    let (what, found, hint) = (ACCESS, Answer::Yes(words.into()), None);
    Examined { what, found, hint }
}

/// Whether the messenger in the process could listen.
fn port(listen: std::net::SocketAddr, public_url: Option<&RedactedUrl>, is_local: bool) -> Examined {
    let what = MESSENGER;
    if let Err(error) = std::net::TcpListener::bind(listen) {
        let found = Answer::no(format!("cannot listen on {listen}: {error}"));
        return examined(
            what,
            found,
            "is another oracle running? Else set dkg.messenger_listen",
        );
    }
    if is_local {
        let found = Answer::Yes(SafeText::new(&format!("within the process, on {listen}")));
        let hint =
            "operators on other hosts cannot reach it: set dkg.messenger_public_url, or dkg.messenger_url";
        return examined(what, found, hint);
    }
    let reach = public_url.map_or_else(|| format!("http://{listen}"), ToString::to_string);
    let words = format!("within the process, on {listen}, reached as {reach}");
    let (found, hint) = (Answer::Yes(SafeText::new(&words)), None);
    Examined { what, found, hint }
}

fn examined(what: &'static str, found: Answer<SafeText>, hint: &'static str) -> Examined {
    let hint = Some(hint);
    Examined { what, found, hint }
}

fn answers(url: &RedactedUrl, took: Duration, version: Option<&SafeText>) -> SafeText {
    let version = match version.map(SafeText::as_str) {
        None | Some("") => "of unnamed version".to_owned(),
        Some(version) => format!("version {version}"),
    };
    SafeText::new(&format!("{url} answers in {} ms, {version}", took.as_millis()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::http::Http;
    use crate::types::OperatorRecord;

    #[tokio::test]
    async fn nobody_who_is_silent_is_taken_for_absent_and_a_web_server_for_nobody() {
        let nowhere = "http://127.0.0.1:1";
        // connections are taken, and nothing is said on them
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let record = |id, endpoint: String| {
            let record = OperatorRecord {
                id: OperatorId(id),
                name: SafeText::default(),
                endpoint,
                public_key: "".into(),
            };
            (record.id, record)
        };
        let silent = format!("http://{}", listener.local_addr().unwrap());
        let mut at = Surroundings {
            http: Http::direct(),
            deadline: Duration::from_secs(1),
            operators: BTreeMap::from([record(1, silent), record(2, nowhere.to_owned())]),
            registry: None,
            relay: Relay::At(RedactedUrl::new(nowhere)),
            has_key: false,
        };
        let health = look(&at).await;
        assert!(matches!(health.operators[0].answers, Answer::NotKnown(_)));
        assert!(matches!(health.operators[1].answers, Answer::No(_)));
        assert_eq!(health.keyless.len(), 2, "nobody can tell a key");
        let [messenger, access] = &health.other[..] else {
            panic!("{health:?}")
        };
        for examined in [messenger, access] {
            assert!(matches!(examined.found, Answer::NotKnown(_)), "{examined:?}");
            assert!(examined.hint.is_some(), "{examined:?}");
        }
        let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        at.relay = Relay::Here {
            listen: taken.local_addr().unwrap(),
            public_url: None,
        };
        let health = look(&at).await;
        assert!(matches!(health.other[0].found, Answer::No(_)), "{health:?}");
    }

    #[test]
    fn who_is_not_registered_is_named_and_no_failure() {
        let away = access(Answer::Yes(vec![OperatorId(3), OperatorId(4)]), true);
        let Answer::NotKnown(why) = &away.found else {
            panic!("{away:?}")
        };
        assert_eq!(why.to_string(), "not registered: operators 3, 4");
        assert!(matches!(
            access(Answer::Yes(Vec::new()), false).found,
            Answer::Yes(_)
        ));
    }
}
