//! A messenger, or an operator's node, by itself: what each of them needs, tried out without starting it.

use std::ffi::OsStr;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpListener};
use std::time::Duration;

use casimir_dkg::config::{Layers, MessengerConfig, NodeConfig, OperatorsConfig};
use casimir_dkg::dkg::rockx::keys::OperatorPublicKey;
use casimir_dkg::http::{Http, HttpOptions};
use casimir_dkg::listen::{Tls, TlsFiles};
use casimir_dkg::types::{OperatorRecord, RedactedUrl, UnixMillis, counted};

use super::{Finding, Report, files, http, shares};
use crate::args::DoctorRole;
use crate::commands::{messenger, operator};

/// A person waits.
const DEADLINE: Duration = Duration::from_secs(10);
/// A certificate that ends sooner is to be looked at.
const SOON: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// What the role needs.
pub(super) async fn examine(role: DoctorRole, expect: Option<&OsStr>, layers: &Layers, report: &mut Report) {
    let worries = match role {
        DoctorRole::Messenger => layers.messenger_worries(),
        DoctorRole::Operator => layers.node_worries(),
        DoctorRole::Oracle => Vec::new(),
    };
    for worry in worries {
        report.add(Finding::warn("configuration", worry, ""));
    }
    let read = match role {
        DoctorRole::Messenger => layers
            .messenger()
            .map(|(settings, operators, http, ..)| (Role::Messenger(Box::new(settings)), operators, http)),
        DoctorRole::Operator => layers
            .node()
            .map(|(settings, operators, http, ..)| (Role::Operator(Box::new(settings)), operators, http)),
        DoctorRole::Oracle => return,
    };
    let (role, operators, options) = match read {
        Ok(read) => read,
        Err(errors) => {
            report.wrong_configuration(&errors);
            return;
        }
    };
    report.judge(&match &role {
        Role::Messenger(settings) => messenger::files(settings, &options),
        Role::Operator(settings) => operator::files(settings, &options),
    });
    let http = match way(&options) {
        Ok(http) => http,
        Err(finding) => return report.add_unless_told(&["http.ca_file"], finding),
    };
    match role {
        Role::Messenger(settings) => host(&settings, &operators, &http, report).await,
        Role::Operator(settings) => {
            node(&settings, &operators, &http, report).await;
            // SQLite would make files beside it of the mode that is wrong
            if !report.is_told(&["share store", "share manifest"]) {
                let found = shares::examine(&settings.data_dir, settings.id, expect, &settings.key);
                report.add(found);
            }
        }
    }
}

enum Role {
    Messenger(Box<MessengerConfig>),
    Operator(Box<NodeConfig>),
}

fn way(options: &HttpOptions) -> Result<Http, Finding> {
    let hint = "nobody can be asked until this is right";
    Http::new(options).map_err(|error| Finding::fail("http", error.to_string(), hint))
}

async fn host(settings: &MessengerConfig, operators: &OperatorsConfig, http: &Http, report: &mut Report) {
    report.add(port(settings.listen));
    report.add_unless_told(&tls_of("messenger"), certificate(settings.tls.as_ref()));
    report.add(files::writable("data directory", &settings.data_dir));
    let known = settings.known_operators(operators);
    let keys = operators.ssv_api.is_some() || known.iter().any(|operator| !operator.public_key.is_empty());
    let found = format!("{} configured", counted(known.len(), "operator"));
    report.add(match keys {
        true => Finding::ok("operators", found),
        false => Finding::warn(
            "operators",
            format!("{found}, and no key of any is known"),
            "name them as [[messenger.operator]] or set operators.ssv_api: what no known key signed is not kept",
        ),
    });
    report.add(match settings.initiators.len() {
        0 => Finding::warn(
            "initiators",
            "everyone may create topics",
            "name yours as [[messenger.initiator]]",
        ),
        some => Finding::ok(
            "initiators",
            format!("{} may create topics", counted(some, "initiator")),
        ),
    });
    for operator in known.iter().filter(|operator| !operator.endpoint.is_empty()) {
        report.add(answers(http, operator).await);
    }
}

async fn answers(http: &Http, operator: &OperatorRecord) -> Finding {
    let what = format!("operator {}", operator.id);
    let url = RedactedUrl::new(&operator.endpoint);
    let hint = "is its node running, and may this machine reach it?";
    asked(&what, http, &url, hint).await
}

/// Whether somebody answers `/ping` there.
async fn asked(what: &str, http: &Http, url: &RedactedUrl, hint: &str) -> Finding {
    match http::get(http, url, "ping", DEADLINE).await {
        Ok(reply) if reply.status == 200 => Finding::ok(what, format!("{url} answers")),
        Ok(reply) => Finding::warn(what, format!("{url} answers with status {}", reply.status), hint),
        Err(error) => Finding::warn(what, format!("{url} {error}"), hint),
    }
}

async fn node(settings: &NodeConfig, operators: &OperatorsConfig, http: &Http, report: &mut Report) {
    report.add_unless_told(&["node.key_file", "node.password_file"], key(settings, operators));
    report.add(port(settings.listen));
    report.add_unless_told(&tls_of("node"), certificate(settings.tls.as_ref()));
    report.add(match &settings.public_url {
        Some(url) if settings.tls.is_some() && url.expose().starts_with("http://") => Finding::warn(
            "public URL",
            format!("{url}, although the node speaks TLS"),
            "https, or the messenger's address in node.plain_http",
        ),
        Some(url) => Finding::ok("public URL", url.to_string()),
        None => Finding::warn(
            "public URL",
            format!("none: the node registers {}", settings.listen),
            "set node.public_url to how the messenger reaches the node",
        ),
    });
    report.add(files::writable("data directory", &settings.data_dir));
    let hint = "is it running, and may this machine reach it? The node waits for it";
    report.add(asked("messenger", http, &settings.messenger_url, hint).await);
    if let Ok(key) = operator::key(&settings.key) {
        report.extend(known_there(settings, key.public(), http).await);
    }
    let open = operator::policy(&settings.rules).open_doors();
    report.add(match open {
        None => Finding::ok("rules", "everything that is agreed to is named"),
        Some(doors) => Finding::warn(
            "rules",
            format!("no allow-list for everything: {doors}"),
            "see [node]",
        ),
    });
}

/// Whether the messenger knows the operator by this key. Nothing where it does not say: RockX's own, and one that has no key of it.
async fn known_there(settings: &NodeConfig, key: &OperatorPublicKey, http: &Http) -> Option<Finding> {
    #[derive(serde::Deserialize)]
    struct Known {
        public_key: String,
    }
    let path = format!("keys/{}", settings.id);
    let reply = http::get(http, &settings.messenger_url, &path, DEADLINE)
        .await
        .ok()?;
    let known: Known = serde_json::from_slice(&reply.body)
        .ok()
        .filter(|_| reply.status == 200)?;
    let known = OperatorPublicKey::parse(&known.public_key).ok()?;
    let (what, id) = ("key at the messenger", settings.id);
    Some(match known == *key {
        true => Finding::ok(what, format!("it knows operator {id} by this key")),
        false => Finding::fail(
            what,
            format!("it knows operator {id} by another key, and takes no registration by this one"),
            "tell the messenger's host the new public key: public_key of its [[messenger.operator]], and a restart; tell the \
             oracle's people, too (handbook operator: another key)",
        ),
    })
}

/// Whether the key opens, and is the one that others know.
fn key(settings: &NodeConfig, operators: &OperatorsConfig) -> Finding {
    let what = "key";
    let hint = "set node.key_file, and node.password_file where it is encrypted";
    let key = match operator::key(&settings.key) {
        Ok(key) => key,
        Err(error) => return Finding::fail(what, format!("{error:#}"), hint),
    };
    let is_ours = |text: &str| {
        OperatorPublicKey::parse(text)
            .ok()
            .map(|known| known == *key.public())
    };
    match operators
        .by_id
        .get(&settings.id)
        .and_then(|record| is_ours(&record.public_key))
    {
        Some(true) => Finding::ok(what, format!("opens, and is operator {}'s", settings.id)),
        Some(false) => Finding::fail(
            what,
            format!(
                "opens, and is not the one that is configured of operator {}",
                settings.id
            ),
            "its key in the SSV registry is what ceremonies encrypt to",
        ),
        None => Finding::ok(what, "opens"),
    }
}

/// Whether somebody can listen there now.
fn port(listen: SocketAddr) -> Finding {
    let what = "port";
    match TcpListener::bind(listen) {
        Ok(_) => Finding::ok(what, format!("{listen} is free")),
        Err(error) if error.kind() == ErrorKind::AddrInUse => Finding::warn(
            what,
            format!("somebody listens at {listen}"),
            "fine if it is this one, running",
        ),
        Err(error) => Finding::fail(what, format!("{listen}: {error}"), "set another address"),
    }
}

/// The keys of the files of a port's certificate.
pub(super) fn tls_of(section: &str) -> [&'static str; 2] {
    match section {
        "node" => ["node.tls_certificate_file", "node.tls_key_file"],
        _ => ["messenger.tls_certificate_file", "messenger.tls_key_file"],
    }
}

/// Until when the certificate is good.
pub(super) fn certificate(files: Option<&TlsFiles>) -> Finding {
    let what = "certificate";
    let Some(files) = files else {
        return Finding::ok(what, "none: plain HTTP; a proxy may speak TLS before it");
    };
    let file = files.certificate.display();
    match Tls::open(files) {
        Ok(tls) => {
            let found = format!("{file} is good until {}", tls.until().to_utc());
            match UnixMillis::now().plus(SOON) < tls.until() {
                true => Finding::ok(what, found),
                false => Finding::warn(what, found, "renew it: it is read anew when it changes"),
            }
        }
        Err(error) => Finding::fail(
            what,
            error.to_string(),
            "a start refuses it; what runs goes on with the pair that it read before",
        ),
    }
}
