//! Lists of endpoints that are asked because one may lie: two entries that lead to the same place are one voice, and
//! would let it agree with itself.

use super::reader::Reader;
use super::value::HttpUrl;

/// Reports every entry of `key` that leads where an earlier one leads.
pub(super) fn each_once(r: &mut Reader<'_>, key: &str, urls: &[HttpUrl]) {
    let places: Vec<Option<String>> = urls.iter().map(|url| place(url.0.expose())).collect();
    for (n, place) in places.iter().enumerate() {
        let first = places[..n].iter().position(|earlier| earlier == place);
        let Some(first) = first.filter(|_| place.is_some()) else {
            continue;
        };
        let message = format!(
            "entries {} ({}) and {} ({}) have the same scheme, host, port and path: that is one endpoint with one \
             voice, so leave one of them out",
            first + 1,
            urls[first].0,
            n + 1,
            urls[n].0
        );
        r.error(key, message);
    }
}

/// Scheme, host, port and path. User, password and query only say who asks.
fn place(url: &str) -> Option<String> {
    // the parser makes scheme and host lower case and leaves a scheme's own port out
    let mut url = reqwest::Url::parse(url).ok()?;
    url.set_query(None);
    url.set_fragment(None);
    url.set_username("").ok()?;
    url.set_password(None).ok()?;
    Some(url.as_str().trim_end_matches('/').to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_asks_and_how_it_is_written_make_no_other_place() {
        let same = [
            "https://Node.example/v3/KEY",
            "HTTPS://node.example:443/v3/KEY/",
            "https://me:secret@node.example/v3/KEY?key=1#x",
        ];
        for url in same {
            assert_eq!(place(url), place(same[0]), "{url}");
        }
        for other in [
            "http://node.example/v3/KEY",
            "https://node.example:8443/v3/KEY",
            "https://node.example/v3/key",
            "https://node2.example/v3/KEY",
            "https://node.example/v3",
        ] {
            assert_ne!(place(other), place(same[0]), "{other}");
        }
    }
}
