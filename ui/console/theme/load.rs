//! Theme files: TOML with a parent and one table of styles. Mistakes stop the program and name the file and the key.

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context as _, Result, bail, ensure};
use casimir_dkg::secrets::read_trusted;
use ratatui::style::{Color, Modifier, Style};
use serde::Deserialize;

use super::{Appearance, Theme, Token};

/// Bytes of a theme or key file, and many to spare.
const LONGEST: u64 = 1 << 20;

/// Themes that are part of the program: name and file.
pub(crate) const BUILT_IN: [(&str, &str); 6] = [
    ("default", include_str!("../../../themes/default.toml")),
    ("dark", include_str!("../../../themes/dark.toml")),
    ("light", include_str!("../../../themes/light.toml")),
    (
        "high-contrast",
        include_str!("../../../themes/high-contrast.toml"),
    ),
    ("colour-blind", include_str!("../../../themes/colour-blind.toml")),
    ("mono", include_str!("../../../themes/mono.toml")),
];

/// Other spellings of a name, which mean the same theme.
const SPELLINGS: [(&str, &[&str]); 1] = [("colour-blind", &["colorblind", "color-blind", "colourblind"])];

/// The name as lists and messages spell it.
pub(crate) fn spelled(name: &str) -> &str {
    let known = SPELLINGS.iter().find(|(_, others)| others.contains(&name));
    known.map_or(name, |(spelled, _)| spelled)
}

/// The name as it was given, then every other spelling of it: a person's own file may have any of them.
fn same_as(name: &str) -> Vec<&str> {
    let known = SPELLINGS.iter().find(|(one, _)| *one == spelled(name));
    let others = known
        .into_iter()
        .flat_map(|(one, others)| others.iter().chain([one]));
    std::iter::once(name).chain(others.copied()).collect()
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    inherits: Option<String>,
    appearance: Option<Appearance>,
    #[serde(default)]
    styles: BTreeMap<String, StyleEntry>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct StyleEntry {
    fg: Option<String>,
    bg: Option<String>,
    #[serde(default)]
    add: Vec<String>,
}

/// Loads a theme by name: a file `<name>.toml` in `dir` wins over a built-in one.
pub(crate) fn load(name: &str, dir: Option<&Path>) -> Result<Theme> {
    let mut seen = Vec::new();
    // who a theme is made for is documentation, which tests hold against its colours
    #[cfg_attr(not(test), expect(unused_variables))]
    let (styles, appearance) = resolve(name, dir, &mut seen)?;
    Ok(Theme::from_map(
        #[cfg(test)]
        appearance,
        &styles,
    ))
}

type Styles = BTreeMap<Token, Style>;

fn resolve(name: &str, dir: Option<&Path>, seen: &mut Vec<String>) -> Result<(Styles, Appearance)> {
    ensure!(
        !seen.iter().any(|s| s == name),
        "theme {name} inherits itself: {} → {name}",
        seen.join(" → ")
    );
    seen.push(name.to_owned());
    let (origin, text) = read(name, dir)?;
    let file: File = toml::from_str(&text).with_context(|| format!("theme {name} ({origin})"))?;
    let (mut styles, inherited) = match &file.inherits {
        Some(parent) => resolve(parent, dir, seen)?,
        None => (Styles::new(), Appearance::Any),
    };
    for (key, entry) in &file.styles {
        let Some(token) = Token::parse(key) else {
            bail!("theme {name} ({origin}): unknown token \"{key}\"{}", nearest(key));
        };
        let style = style(entry).with_context(|| format!("theme {name} ({origin}): styles.{key}"))?;
        styles.insert(token, style);
    }
    Ok((styles, file.appearance.unwrap_or(inherited)))
}

/// What a file says that decides what a person sees, or what a key does: nobody else may change it.
pub(in crate::console) fn text_of(path: &Path) -> Result<String> {
    Ok(String::from_utf8(read_trusted(path, LONGEST)?)?)
}

fn read(name: &str, dir: Option<&Path>) -> Result<(String, String)> {
    if name.ends_with(".toml") {
        let text = text_of(Path::new(name)).with_context(|| format!("theme file {name}"))?;
        return Ok((name.to_owned(), text));
    }
    ensure!(
        !name.is_empty()
            && name
                .chars()
                .all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '_'),
        "a theme is a file that ends in .toml, or a name of letters, digits, - and _, not \"{name}\""
    );
    let named = same_as(name).into_iter();
    if let Some(path) = dir.and_then(|dir| {
        let files = named.map(|name| dir.join(format!("{name}.toml")));
        files.into_iter().find(|path| path.is_file())
    }) {
        let text = text_of(&path).with_context(|| format!("theme file {}", path.display()))?;
        return Ok((path.display().to_string(), text));
    }
    let name = spelled(name);
    match BUILT_IN.iter().find(|(built_in, _)| *built_in == name) {
        Some((_, text)) => Ok(("built in".to_owned(), (*text).to_owned())),
        None => bail!(
            "no theme \"{name}\"; built in are {}",
            BUILT_IN.map(|(n, _)| n).join(", ")
        ),
    }
}

fn nearest(key: &str) -> String {
    Token::ALL
        .iter()
        .map(|t| (strsim::damerau_levenshtein(key, t.name()), t.name()))
        .min()
        .filter(|(distance, _)| *distance <= 3)
        .map_or_else(String::new, |(_, name)| format!(", did you mean \"{name}\"?"))
}

fn style(entry: &StyleEntry) -> Result<Style> {
    let mut style = Style::new();
    if let Some(fg) = &entry.fg {
        style = style.fg(color(fg)?);
    }
    if let Some(bg) = &entry.bg {
        style = style.bg(color(bg)?);
    }
    for word in &entry.add {
        style = style.add_modifier(match word.as_str() {
            "bold" => Modifier::BOLD,
            "dim" => Modifier::DIM,
            "italic" => Modifier::ITALIC,
            "underlined" => Modifier::UNDERLINED,
            "reversed" => Modifier::REVERSED,
            other => bail!("unknown attribute \"{other}\": bold, dim, italic, underlined or reversed"),
        });
    }
    Ok(style)
}

fn color(text: &str) -> Result<Color> {
    if let Some(hex) = text.strip_prefix('#') {
        let bytes = hex::decode(hex).with_context(|| format!("colour \"{text}\""))?;
        let &[r, g, b] = bytes.as_slice() else {
            bail!("colour \"{text}\" is not #rrggbb");
        };
        return Ok(Color::Rgb(r, g, b));
    }
    if let Ok(index) = text.parse::<u8>() {
        return Ok(Color::Indexed(index));
    }
    Ok(match text {
        "default" => Color::Reset,
        "black" => Color::Black,
        "red" => Color::Red,
        "green" => Color::Green,
        "yellow" => Color::Yellow,
        "blue" => Color::Blue,
        "magenta" => Color::Magenta,
        "cyan" => Color::Cyan,
        "white" => Color::Gray,
        "bright-black" => Color::DarkGray,
        "bright-red" => Color::LightRed,
        "bright-green" => Color::LightGreen,
        "bright-yellow" => Color::LightYellow,
        "bright-blue" => Color::LightBlue,
        "bright-magenta" => Color::LightMagenta,
        "bright-cyan" => Color::LightCyan,
        "bright-white" => Color::White,
        _ => {
            bail!(
                "colour \"{text}\" is none of: default, an ANSI name like \"bright-blue\", #rrggbb, 0 to 255"
            )
        }
    })
}
