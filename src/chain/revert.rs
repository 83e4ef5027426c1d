//! Why a call reverted, from the bytes that it returned, or from the node's words where it tells no bytes.
//!
//! What an error means is known by the room whose contract raises it: each has a book of its errors, and whoever
//! decodes names the books that apply.

use alloy::dyn_abi::{DynSolType, DynSolValue};
use alloy::primitives::{Bytes, keccak256};
use alloy::sol_types::{Panic, Revert as Message, SolError};

use crate::chain::rpc::ServerError;
use crate::ports::{DecodedRevert, Revert, RevertForm};
use crate::types::SafeText;

/// One row of a version's table of errors.
#[derive(Debug, Clone, Copy)]
pub(crate) struct KnownError {
    /// The signature of a custom error (`Name(type,…)`), or the whole text of an `Error(string)`.
    pub(crate) says: &'static str,
    /// What a person can do about it.
    pub(crate) advice: Option<&'static str>,
}

impl KnownError {
    /// One whose name says everything.
    pub(crate) const fn plain(says: &'static str) -> Self {
        Self { says, advice: None }
    }

    /// One that a person can do something about.
    pub(crate) const fn advised(says: &'static str, advice: &'static str) -> Self {
        Self {
            says,
            advice: Some(advice),
        }
    }

    fn name(&self) -> &'static str {
        self.says.split('(').next().unwrap_or(self.says)
    }
}

/// Errors of one kind of contract.
pub(crate) type ErrorBook = &'static [KnownError];

/// Tokens by ERC-6093, and OpenZeppelin's guards: what anybody's contract may raise.
pub(crate) const COMMON: ErrorBook = &[
    KnownError::plain("ERC20InsufficientAllowance(address,uint256,uint256)"),
    KnownError::plain("ERC20InsufficientBalance(address,uint256,uint256)"),
    KnownError::plain("EnforcedPause()"),
    KnownError::plain("OwnableUnauthorizedAccount(address)"),
    KnownError::plain("ReentrancyGuardReentrantCall()"),
];

/// Decodes a revert by these books; [`COMMON`] always applies.
#[must_use]
pub(crate) fn decode(revert: &Revert, books: &[ErrorBook]) -> DecodedRevert {
    let (form, reason) = match &revert.data {
        Some(data) => by_bytes(data, books),
        None => by_words(revert.words.as_str()),
    };
    let name = reason.split('(').next().unwrap_or(&reason);
    let advice = all(books).find(|known| known.name() == name);
    DecodedRevert {
        form,
        advice: advice.and_then(|known| known.advice).map(SafeText::new),
        reason: SafeText::new(&reason),
        data: revert.data.clone().unwrap_or_default(),
    }
}

/// The revert behind a node's error, if it is one.
#[must_use]
pub(crate) fn revert_of(error: &ServerError) -> Option<Revert> {
    error.reverted().then(|| Revert {
        data: error.revert_data().map(Bytes::from),
        words: error.message.clone(),
    })
}

fn all<'a>(books: &'a [ErrorBook]) -> impl Iterator<Item = &'static KnownError> + 'a {
    books.iter().copied().chain([COMMON]).flatten()
}

fn by_bytes(data: &[u8], books: &[ErrorBook]) -> (RevertForm, String) {
    if data.is_empty() {
        (RevertForm::Empty, SILENT.to_owned())
    } else if let Ok(Message { reason }) = Message::abi_decode(data) {
        (RevertForm::Message, reason)
    } else if let Ok(panic) = Panic::abi_decode(data) {
        let kind = panic
            .kind()
            .map_or_else(|| format!("code {:#x}", panic.code), |kind| kind.to_string());
        (RevertForm::Panic, format!("panic: {kind}"))
    } else if let Some(text) = custom(data, books) {
        (RevertForm::Custom, text)
    } else {
        let shown = &data[..data.len().min(900)];
        (
            RevertForm::Unknown,
            format!("unknown error 0x{}", hex::encode(shown)),
        )
    }
}

const SILENT: &str = "reverted without a reason";

fn by_words(text: &str) -> (RevertForm, String) {
    if text.trim() == "execution reverted" {
        return (RevertForm::Empty, SILENT.to_owned());
    }
    let reason = ["execution reverted: ", "reverted with reason string "]
        .iter()
        .find_map(|prefix| Some(&text[text.find(prefix)? + prefix.len()..]))
        .unwrap_or(text);
    (RevertForm::Message, reason.to_owned())
}

fn custom(data: &[u8], books: &[ErrorBook]) -> Option<String> {
    let selector = data.get(..4)?;
    let known = all(books).find(|known| keccak256(known.says.as_bytes())[..4] == *selector)?;
    let (name, types) = known.says.split_once('(')?;
    let types = format!("({types}");
    if types == "()" {
        return (data.len() == 4).then(|| name.to_owned());
    }
    let values = DynSolType::parse(&types)
        .ok()?
        .abi_decode_params(&data[4..])
        .ok()?;
    let values = match values {
        DynSolValue::Tuple(values) => values,
        single => vec![single],
    };
    let words: Option<Vec<_>> = values.iter().map(word).collect();
    Some(format!("{name}({})", words?.join(", ")))
}

/// The types that the errors in the books have.
fn word(value: &DynSolValue) -> Option<String> {
    Some(match value {
        DynSolValue::Address(address) => address.to_string(),
        DynSolValue::Uint(number, _) => number.to_string(),
        DynSolValue::Bytes(bytes) => format!("0x{}", hex::encode(bytes)),
        _ => return None,
    })
}

/// Every custom error of a book has arguments that can be put in words.
#[cfg(test)]
pub(crate) fn readable(book: ErrorBook) {
    for known in book {
        let Some((_, types)) = known.says.split_once('(') else {
            continue;
        };
        for part in types.trim_end_matches(')').split(',').filter(|t| !t.is_empty()) {
            let kind = DynSolType::parse(part).expect(known.says);
            let fits = matches!(
                kind,
                DynSolType::Address | DynSolType::Uint(_) | DynSolType::Bytes
            );
            assert!(fits, "{}", known.says);
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const BOOK: ErrorBook = &[
        KnownError::advised("Broke(uint8)", "mend it"),
        KnownError::advised("it is late", "come tomorrow"),
    ];

    #[test]
    fn advice_is_shown_with_the_reason_wherever_that_is() {
        let data = [
            &keccak256("Broke(uint8)")[..4],
            &alloy::primitives::U256::from(7).to_be_bytes::<32>(),
        ]
        .concat();
        assert_eq!(
            decode(&Revert::of(&data), &[BOOK]).to_string(),
            "Broke(7) (mend it)"
        );
        let words = Revert {
            data: None,
            words: "execution reverted: it is late".into(),
        };
        assert_eq!(decode(&words, &[BOOK]).to_string(), "it is late (come tomorrow)");
        // without its book an error is bytes, and other people's advice is not given
        let strange = decode(&Revert::of(&data), &[]);
        assert_eq!((strange.form, strange.advice), (RevertForm::Unknown, None));
    }

    #[test]
    fn reverts_are_found_where_each_client_puts_them() {
        const SSV: ErrorBook = &[KnownError::plain("ClusterIsLiquidated()")];
        let error = |value: serde_json::Value| serde_json::from_value::<ServerError>(value).unwrap();
        let found = |value| revert_of(&error(value)).map(|revert| decode(&revert, &[SSV]));
        let data = format!("0x{}", hex::encode(&keccak256("ClusterIsLiquidated()")[..4]));
        for body in [
            json!({"code": 3, "message": "execution reverted", "data": data}),
            json!({"code": -32015, "message": "VM execution error.", "data": format!("Reverted {data}")}),
            json!({"code": -32603, "message": "Internal error", "data": {"message": "x", "data": data}}),
        ] {
            let revert = found(body.clone()).unwrap();
            assert_eq!(revert.reason.as_str(), "ClusterIsLiquidated", "{body}");
        }
        let words = json!({"code": -32000, "message": "execution reverted: No ready pools"});
        assert_eq!(found(words).unwrap().reason.as_str(), "No ready pools");
        let silent = json!({"code": 3, "message": "execution reverted", "data": "0x"});
        assert_eq!(found(silent).unwrap().form, RevertForm::Empty);
    }

    #[test]
    fn a_node_that_cannot_tell_says_nothing_of_the_call() {
        for body in [
            json!({"code": -32000, "message": "header not found"}),
            json!({"code": -32000, "message": "missing trie node 0xabcd (path )", "data": "0xabcd"}),
            json!({"code": -32000, "message": "execution aborted (timeout = 5s)"}),
            json!({"code": -32000, "message": "execution timeout", "data": "0x"}),
            json!({"code": 429, "message": "too many requests", "data": "0x"}),
            json!({"code": -32005, "message": "request rate limited", "data": {"data": "0x"}}),
            json!({"code": -32601, "message": "the method eth_call does not exist", "data": "0x"}),
            json!({"code": -32603, "message": "Internal error"}),
            json!({"code": -32603, "message": "Internal error", "data": "at block 0xabcd"}),
            json!({"code": -32000, "message": "insufficient funds for gas * price + value"}),
        ] {
            let error: ServerError = serde_json::from_value(body.clone()).unwrap();
            assert_eq!(revert_of(&error), None, "{body}");
        }
        // whatever a contract says in its own words, it is a revert
        let words = json!({"code": 3, "message": "execution reverted: pruned, try again", "data": "0x"});
        assert!(revert_of(&serde_json::from_value(words).unwrap()).is_some());
    }

    #[test]
    fn every_common_error_can_be_read() {
        readable(COMMON);
    }
}
