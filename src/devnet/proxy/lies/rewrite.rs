//! Any value of an answer replaced or taken out, by JSON pointers.

use serde_json::{Map, Value};

use crate::devnet::proxy::board::Fired;
use crate::devnet::proxy::scenario::{Reader, Table};
use crate::types::quoted;

/// JSON pointers (RFC 6901) into the whole answer, for JSON-RPC the envelope included. A segment `*` stands for every
/// entry of a list or object.
#[derive(Debug, Clone)]
pub(in crate::devnet::proxy) struct Rewrite {
    set: Vec<(String, Value)>,
    remove: Vec<String>,
}

impl Rewrite {
    pub(super) fn read(r: &mut Reader<'_>, t: &mut Table<'_>) -> Option<Self> {
        let set = t.table(r, "set").map_or_else(Vec::new, |mut set| set.all(r));
        let remove = t.texts(r, "remove");
        if set.is_empty() && remove.is_empty() {
            t.wrong(r, "set", "`set` or `remove` is required: what changes");
            return None;
        }
        for (key, pointer) in set
            .iter()
            .map(|(p, _)| ("set", p))
            .chain(remove.iter().map(|p| ("remove", p)))
        {
            let whole = pointer.is_empty() && key == "set";
            if !whole && !pointer.starts_with('/') {
                t.wrong(
                    r,
                    key,
                    format!("{} is no JSON pointer: it begins with `/`", quoted(pointer)),
                );
            }
        }
        Some(Self { set, remove })
    }

    pub(super) fn apply(&self, body: &mut Value, fired: &mut Fired) {
        let mut words = Vec::new();
        for (pointer, value) in &self.set {
            if put(body, &segments(pointer), value) > 0 {
                words.push(format!("{pointer} is {value}"));
            }
        }
        for pointer in &self.remove {
            let path = segments(pointer);
            if let Some((last, parents)) = path.split_last()
                && take(body, parents, last) > 0
            {
                words.push(format!("no {pointer}"));
            }
        }
        if !words.is_empty() {
            fired.strike(&format!("said {}", words.join(", ")));
        }
    }
}

/// The segments of a pointer, unescaped.
pub(super) fn segments(pointer: &str) -> Vec<String> {
    let unescape = |segment: &str| segment.replace("~1", "/").replace("~0", "~");
    pointer.split('/').skip(1).map(unescape).collect()
}

/// Sets the value, in an object also where the last key is not there yet; says in how many places.
pub(super) fn put(at: &mut Value, path: &[String], value: &Value) -> usize {
    let Some((first, rest)) = path.split_first() else {
        *at = value.clone();
        return 1;
    };
    match at {
        Value::Object(map) if first == "*" => map.values_mut().map(|inner| put(inner, rest, value)).sum(),
        Value::Array(list) if first == "*" => list.iter_mut().map(|inner| put(inner, rest, value)).sum(),
        Value::Object(map) if rest.is_empty() => {
            put(map.entry(first.clone()).or_insert(Value::Null), rest, value)
        }
        Value::Object(map) => map.get_mut(first).map_or(0, |inner| put(inner, rest, value)),
        Value::Array(list) => {
            let inner = first.parse().ok().and_then(|index: usize| list.get_mut(index));
            inner.map_or(0, |inner| put(inner, rest, value))
        }
        _ => 0,
    }
}

fn take(at: &mut Value, parents: &[String], last: &str) -> usize {
    let Some((first, rest)) = parents.split_first() else {
        return match at {
            Value::Object(map) if last == "*" => std::mem::replace(map, Map::new()).len(),
            Value::Array(list) if last == "*" => std::mem::take(list).len(),
            Value::Object(map) => usize::from(map.remove(last).is_some()),
            Value::Array(list) => match last.parse::<usize>().ok().filter(|index| *index < list.len()) {
                Some(index) => {
                    list.remove(index);
                    1
                }
                None => 0,
            },
            _ => 0,
        };
    };
    match at {
        Value::Object(map) if first == "*" => map.values_mut().map(|inner| take(inner, rest, last)).sum(),
        Value::Array(list) if first == "*" => list.iter_mut().map(|inner| take(inner, rest, last)).sum(),
        _ => {
            let inner = match at {
                Value::Object(map) => map.get_mut(first),
                Value::Array(list) => first.parse().ok().and_then(|index: usize| list.get_mut(index)),
                _ => None,
            };
            inner.map_or(0, |inner| take(inner, rest, last))
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn pointers_set_and_take() {
        let start = json!({"result": {"a": [1, 2], "b/c": 3}, "data": [{"s": 1}, {"s": 2}]});
        let set = |pointer: &str, value: Value| {
            let mut body = start.clone();
            (put(&mut body, &segments(pointer), &value), body)
        };
        assert_eq!(
            set("/result/a/1", json!(9)).1.pointer("/result/a"),
            Some(&json!([1, 9]))
        );
        assert_eq!(set("/result/b~1c", json!(9)).1["result"]["b/c"], 9);
        assert_eq!(set("/result/new", json!(9)).1["result"]["new"], 9);
        assert_eq!(set("/data/*/s", json!(9)).1["data"], json!([{"s": 9}, {"s": 9}]));
        assert_eq!(set("", json!([])).1, json!([]));
        for nowhere in ["/result/a/2", "/x/y", "/result/a/1/z"] {
            assert_eq!(set(nowhere, json!(9)), (0, start.clone()), "{nowhere}");
        }
        let taken = |pointer: &str| {
            let mut body = start.clone();
            let path = segments(pointer);
            let (last, parents) = path.split_last().unwrap();
            (take(&mut body, parents, last), body)
        };
        assert_eq!(taken("/result/a/0").1["result"]["a"], json!([2]));
        assert_eq!(taken("/data/*").1["data"], json!([]));
        assert_eq!(
            taken("/data/*/s"),
            (2, json!({"result": start["result"], "data": [{}, {}]}))
        );
        assert_eq!(taken("/data/7/s").0, 0);
    }
}
