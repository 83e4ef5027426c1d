//! HTML without a script and without a reference to anything outside the page.

use std::fmt::Write as _;

use casimir_dkg::types::SafeText;
use serde_json::Value;

/// Text in a page. What others wrote is text there, whatever it looks like.
pub(super) fn text(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in SafeText::new(text).as_str().chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c => out.push(c),
        }
    }
    out
}

/// A JSON value as text in a page.
pub(super) fn value(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(words) => text(words),
        other => text(&other.to_string()),
    }
}

/// Something to copy or compare.
pub(super) fn code(words: &str) -> String {
    format!("<code>{}</code>", text(words))
}

/// A table; heads are text, cells are HTML.
pub(super) fn table(heads: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut out = "<table><thead><tr>".to_owned();
    for head in heads {
        let _ = write!(out, "<th>{}</th>", text(head));
    }
    out.push_str("</tr></thead><tbody>\n");
    for row in rows {
        out.push_str("<tr>");
        for cell in row {
            let _ = write!(out, "<td>{cell}</td>");
        }
        out.push_str("</tr>\n");
    }
    out.push_str("</tbody></table>\n");
    out
}

/// Checks as the journal has them.
pub(super) fn checks(checks: &Value) -> String {
    let rows = checks.as_array().into_iter().flatten().map(|check| {
        let status = check["status"].as_str().unwrap_or_default();
        let class = match status {
            "pass" => "pass",
            "fail" => "fail",
            _ => "unknown",
        };
        vec![
            value(&check["name"]),
            format!("<span class=\"{class}\">{}</span>", text(status)),
            value(&check["reason"]),
        ]
    });
    table(&["check", "", "what was found"], rows)
}

const STYLE: &str = "\
body { font: 15px/1.45 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem; color: #16202a; }
h1 { font-size: 1.7rem; } h2 { margin-top: 2.2rem; border-bottom: 1px solid #9aa7b3; } h3 { margin-bottom: .3rem; }
table { border-collapse: collapse; width: 100%; margin: .6rem 0; }
th, td { text-align: left; vertical-align: top; padding: .25rem .6rem .25rem 0; border-bottom: 1px solid #dde3e8; }
td { overflow-wrap: anywhere; } th { font-weight: 600; color: #4a5a68; }
code { font: 13px/1.4 ui-monospace, monospace; overflow-wrap: anywhere; }
pre { background: #f2f5f7; padding: .8rem; white-space: pre-wrap; overflow-wrap: anywhere; }
.pass { color: #11683a; } .fail { color: #a11212; font-weight: 700; } .unknown { color: #7a5200; }
svg { max-width: 100%; height: auto; } .note { color: #4a5a68; }
@media print {
  body { max-width: none; margin: 0; font-size: 10pt; } code { font-size: 8.5pt; }
  h2, h3 { break-after: avoid; } tr, svg, pre { break-inside: avoid; } thead { display: table-header-group; }
}
";

pub(super) fn page(title: &str, body: &str) -> String {
    let title = text(title);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">\n\
         <meta name=\"viewport\" content=\"width=device-width\">\n<title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n\
         <body>\n{body}</body>\n</html>\n"
    )
}
