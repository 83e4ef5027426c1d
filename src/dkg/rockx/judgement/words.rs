//! Operators in words.

use crate::types::OperatorId;

/// `1, 2 and 5`.
pub(crate) fn list(ids: &[OperatorId]) -> String {
    let mut text = String::new();
    for (n, id) in ids.iter().enumerate() {
        if n > 0 {
            text.push_str(if n + 1 == ids.len() { " and " } else { ", " });
        }
        text.push_str(&id.to_string());
    }
    text
}
