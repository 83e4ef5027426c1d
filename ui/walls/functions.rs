//! Functions fit a screen.

use super::source::{Source, sources};

/// Lines from the one with `fn` to the closing brace.
const LONGEST: usize = 70;

/// What is still longer, by file and name. The list only shrinks: what fits is taken off it, and nothing is added.
const STILL_LONGER: &[(&str, &str)] = &[("src/core/oracle/advance/hold/tests.rs", "perform")];

#[test]
fn functions_fit_a_screen() {
    let nobody: [String; 0] = [];
    let mut unlisted = Vec::new();
    let mut listed: Vec<_> = STILL_LONGER.to_vec();
    for source in sources(&["src", "ui"]) {
        for (name, lines) in functions(&source).filter(|(_, lines)| *lines > LONGEST) {
            match listed
                .iter()
                .position(|(file, long)| source.path == *file && name == *long)
            {
                Some(at) => drop(listed.swap_remove(at)),
                None => unlisted.push(format!("{}: {name} has {lines} lines", source.path)),
            }
        }
    }
    assert_eq!(unlisted, nobody);
    assert_eq!(listed, [], "they fit now: take them off the list");
}

/// Every function with a body, nested ones too, with the number of its lines. Formatted sources close a function with
/// a brace that is indented as its beginning is.
fn functions(source: &Source) -> impl Iterator<Item = (&str, usize)> {
    let lines: Vec<&str> = source.text.lines().collect();
    (0..lines.len()).filter_map(move |first| {
        let line = lines[first];
        let name = name(line)?;
        let indent = &line[..line.len() - line.trim_start().len()];
        let ends = |line: &&str| line.strip_prefix(indent).is_some_and(|rest| rest == "}");
        let is_short = line.ends_with(['}', ';']);
        // a declaration without a body ends before any brace: `fn a(\n    b: C,\n) -> D;`
        let is_declared = |line: &&str| {
            line.strip_prefix(indent)
                .is_some_and(|rest| rest.starts_with(')') && rest.ends_with(';'))
        };
        if is_short {
            return None;
        }
        let rest = &lines[first..];
        let last = rest.iter().position(|line| ends(line) || is_declared(line))?;
        (!is_declared(&rest[last])).then_some((name, last + 1))
    })
}

/// The name of the function that begins in this line.
fn name(line: &str) -> Option<&str> {
    let (before, behind) = line.split_once("fn ")?;
    let qualifiers = ["async", "const", "unsafe", "extern", "default"];
    let is_qualifier =
        |word: &str| word.starts_with("pub") || word.ends_with(')') || qualifiers.contains(&word);
    let name = behind.split(['(', '<']).next()?;
    let is_name = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
    (is_name && before.split_whitespace().all(is_qualifier)).then_some(name)
}

#[test]
fn functions_are_found_and_measured() {
    let text = "\
fn one() {}
pub(in crate::a) async fn two(
    a: u8,
) {
    fn three() {
        4
    }
}
trait T {
    fn declared(
        &self,
    ) -> u8;
    fn given(&self) -> u8 {
        5
    }
}
let f = |x: fn (u8)| 3;
/// Says fn four() {
";
    let source = Source {
        path: String::new(),
        text: text.to_owned(),
    };
    let found: Vec<_> = functions(&source).collect();
    assert_eq!(found, [("two", 7), ("three", 3), ("given", 3)]);
}
