//! `[[operator]]` and `[operators]`: who the operators are.

use std::collections::BTreeMap;

use crate::config::raw::Row;
use crate::config::reader::Reader;
use crate::config::schema::Key;
use crate::config::value::HttpUrl;
use crate::dkg::rockx::keys::OperatorPublicKey;
use crate::secrets::{Holds, open};
use crate::types::{OperatorId, OperatorRecord, RedactedUrl, SafeText};

const LIST: &str = "operator";

pub(in crate::config) const KEYS: &[Key] = &[
    Key::new(
        "operators.file",
        "a path",
        "Further [[operator]] tables, in a file of their own.",
    )
    .flag("--operators"),
    Key::new(
        "operators.ssv_api",
        "an http(s) URL",
        "SSV API: public keys of operators that give none are asked from <url>/api/v4/<network>/operators/<id>.",
    )
    .url(),
];

pub(in crate::config) const OPERATOR_KEYS: &[Key] = &[
    Key::new("id", "a number", "SSV operator id."),
    Key::new("name", "text", "A name for people."),
    Key::new(
        "endpoint",
        "an http(s) URL",
        "Base URL of the operator's DKG node.",
    )
    .url(),
    Key::new(
        "public_key",
        "text",
        "RSA public key: PEM, base64 of PEM, or base64 of DER.",
    ),
    Key::new("public_key_file", "a path", "File that holds the RSA public key."),
];

/// Larger files hold no RSA public key.
const MAX_KEY_FILE: u64 = 64 * 1024;

/// The operators that a person trusts, and where their keys may be asked for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OperatorsConfig {
    /// By id. `public_key` is empty when the SSV API has to be asked.
    pub by_id: BTreeMap<OperatorId, OperatorRecord>,
    /// Where to ask for public keys.
    pub ssv_api: Option<RedactedUrl>,
}

pub(in crate::config) fn read(r: &mut Reader<'_>) -> Option<OperatorsConfig> {
    let ssv_api = r.optional::<HttpUrl>("operators.ssv_api");
    let _ = r.path("operators.file");
    let mut by_id = BTreeMap::new();
    let mut whole = true;
    for row in r.rows(LIST) {
        let api = ssv_api.as_ref().is_some_and(Option::is_some);
        match operator(r, row, api) {
            Some(record) => {
                let id = record.id;
                judge_twins(r, row, &record, &by_id);
                if by_id.insert(id, record).is_some() {
                    r.row_error(LIST, row, "id", format!("operator {id} is configured twice"));
                }
            }
            None => whole = false,
        }
    }
    whole.then_some(())?;
    Some(OperatorsConfig {
        by_id,
        ssv_api: ssv_api?.map(|url| url.0),
    })
}

/// Two operators with one key are one party with two shares: fewer people than the threshold says could sign.
fn judge_twins(
    r: &mut Reader<'_>,
    row: &Row,
    record: &OperatorRecord,
    known: &BTreeMap<OperatorId, OperatorRecord>,
) {
    let key = |text: &str| {
        OperatorPublicKey::parse(text)
            .ok()
            .map(|key| key.to_registry_text())
    };
    let ours = key(&record.public_key);
    for other in known.values().filter(|other| other.id != record.id) {
        if ours.is_some() && key(&other.public_key) == ours {
            let message = format!("operator {} has the same key: nobody is two operators", other.id);
            let said = ["public_key", "public_key_file"];
            let said = said.into_iter().find(|key| row.entries.contains_key(*key));
            r.row_error(LIST, row, said.unwrap_or("public_key"), message);
        }
        if other.endpoint == record.endpoint {
            let message = format!("operator {} is there already: a node is one operator", other.id);
            r.row_worry(LIST, row, "endpoint", &message);
            break;
        }
    }
}

fn operator(r: &mut Reader<'_>, row: &Row, api: bool) -> Option<OperatorRecord> {
    let id = r.row_required(LIST, row, "id");
    let name = r.row_optional::<String>(LIST, row, "name");
    let endpoint = r.row_required::<HttpUrl>(LIST, row, "endpoint");
    let key = r.row_optional::<String>(LIST, row, "public_key");
    let file = r.row_optional::<String>(LIST, row, "public_key_file");
    let public_key = match (key?, file?) {
        (Some(_), Some(_)) => {
            r.row_error(
                LIST,
                row,
                "public_key_file",
                "both a key and a file are given".to_owned(),
            );
            return None;
        }
        (Some(key), None) => key,
        (None, Some(_)) => key_file(r, row)?,
        (None, None) if api => String::new(),
        (None, None) => {
            r.row_error(
                LIST,
                row,
                "public_key",
                "is required, or public_key_file, or operators.ssv_api".to_owned(),
            );
            return None;
        }
    };
    if !public_key.is_empty()
        && let Err(e) = OperatorPublicKey::parse(&public_key)
    {
        let key = if row.entries.contains_key("public_key") {
            "public_key"
        } else {
            "public_key_file"
        };
        r.row_error(LIST, row, key, e.to_string());
        return None;
    }
    Some(OperatorRecord {
        id: id?,
        name: SafeText::new(&name?.unwrap_or_default()),
        endpoint: endpoint?.0.expose().to_owned(),
        public_key,
    })
}

fn key_file(r: &mut Reader<'_>, row: &Row) -> Option<String> {
    let path = r.row_path(row, "public_key_file")?;
    let read = open(&path, Holds::Trusted).and_then(|found| found.bytes(MAX_KEY_FILE));
    let text = read.and_then(|bytes| {
        String::from_utf8(bytes).map_err(|error| std::io::Error::new(std::io::ErrorKind::InvalidData, error))
    });
    match text {
        Ok(text) => Some(text.trim().to_owned()),
        Err(e) => {
            r.row_error(
                LIST,
                row,
                "public_key_file",
                format!("{} cannot be read: {e}", path.display()),
            );
            None
        }
    }
}
