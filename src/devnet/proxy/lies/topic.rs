//! Topics and data of logs as scenarios write them.

use alloy::primitives::keccak256;
use serde_json::Value;

/// 32 bytes in hexadecimal: as written; an address or another shorter word, put to the right; a number; or an event's
/// signature such as `PoolDepositInitiated(uint32)`, which is hashed.
pub(super) fn word(value: &Value) -> Option<String> {
    match value {
        Value::Number(number) => Some(format!("{:#066x}", number.as_u64()?)),
        Value::String(text) => match text.strip_prefix("0x") {
            Some(digits) => {
                let fits = digits.len() <= 64 && !digits.is_empty() && is_hex(digits);
                fits.then(|| format!("0x{:0>64}", digits.to_ascii_lowercase()))
            }
            None => is_signature(text).then(|| format!("{:#x}", keccak256(text.as_bytes()))),
        },
        _ => None,
    }
}

fn is_hex(digits: &str) -> bool {
    digits.bytes().all(|digit| digit.is_ascii_hexdigit())
}

/// `Name(types)` without spaces and names of arguments: whatever else would hash to something that never occurs.
fn is_signature(text: &str) -> bool {
    let Some((name, arguments)) = text.split_once('(') else {
        return false;
    };
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    !name.is_empty()
        && name.chars().all(plain)
        && arguments.ends_with(')')
        && arguments.chars().all(|c| plain(c) || ",()[]".contains(c))
}

/// Hexadecimal bytes, or a list of words as above: the arguments of an event that are not indexed.
pub(super) fn data(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => {
            let digits = text.strip_prefix("0x")?;
            (digits.len() % 2 == 0 && is_hex(digits)).then(|| text.to_ascii_lowercase())
        }
        Value::Array(words) => {
            let words: Option<Vec<String>> = words.iter().map(word).collect();
            let digits = words?.iter().map(|word| word[2..].to_owned()).collect::<String>();
            Some(format!("0x{digits}"))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn words_are_written_as_people_write_them() {
        // the topic of ERC-20's Transfer is known to everybody
        assert_eq!(
            word(&json!("Transfer(address,address,uint256)")).unwrap(),
            "0xddf252ad1be2c89b69c2b068fc378daa952ba7f163c4a11628f55a4df523b3ef"
        );
        assert_eq!(word(&json!(7)).unwrap(), format!("0x{:064}", 7));
        assert_eq!(word(&json!("0xAb")).unwrap(), format!("0x{}ab", "0".repeat(62)));
        for bad in [
            json!("Transfer"),
            json!("Transfer(address from)"),
            json!("0x"),
            json!("0xzz"),
            json!(true),
            json!(-1),
        ] {
            assert_eq!(word(&bad), None, "{bad}");
        }
        assert_eq!(data(&json!([1])).unwrap(), format!("0x{:064}", 1));
        assert_eq!(data(&json!("0x")).unwrap(), "0x");
        assert_eq!(data(&json!("0x123")), None);
    }
}
