//! What a record says that this program does not read. Serde leaves such a part out, and what is decided then rests on
//! less than what was written.

use serde_json::Value;

use super::Record;

/// The first part of the text that is not in the record that was read from it, named by its fields from the outside in.
/// What says nothing (null, false, or empty) may be left out: that is how this program writes it, too.
pub(super) fn unread(text: &str, record: &Record) -> Option<String> {
    let written = serde_json::to_string(record).ok()?;
    // almost every record of a start is as this program would write it, and needs no second look
    if written == text {
        return None;
    }
    let said = serde_json::from_str(text).ok()?;
    let kept = serde_json::from_str(&written).ok()?;
    missing(&said, &kept)
}

/// Parts of another type are an older form of the same, which was converted.
fn missing(said: &Value, kept: &Value) -> Option<String> {
    match (said, kept) {
        (Value::Object(said), Value::Object(kept)) => {
            said.iter().find_map(|(name, value)| match kept.get(name) {
                Some(kept) => missing(value, kept).map(|inner| format!("{name}.{inner}")),
                None => says_something(value).then(|| name.clone()),
            })
        }
        (Value::Array(said), Value::Array(kept)) if said.len() == kept.len() => {
            let mut pairs = said.iter().zip(kept);
            pairs.find_map(|(said, kept)| missing(said, kept))
        }
        _ => None,
    }
}

fn says_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(so) => *so,
        Value::Number(_) => true,
        Value::String(text) => !text.is_empty(),
        Value::Array(items) => !items.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
    }
}
