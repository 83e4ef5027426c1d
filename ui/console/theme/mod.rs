//! Themes: a style for every [`Token`], loaded from files, brought down to what the terminal can show.

pub(crate) mod detect;
mod downgrade;
mod load;
#[cfg(test)]
mod tests;
mod token;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use ratatui::style::Style;
use serde::Deserialize;

pub(in crate::console) use load::{spelled, text_of};
pub(crate) use token::Token;

/// For which terminals a theme is made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Appearance {
    /// Dark background.
    Dark,
    /// Light background.
    Light,
    /// Both: uses the terminal's own palette or no colour at all.
    Any,
}

/// How many colours the terminal has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Depth {
    /// 24 bits.
    True,
    /// The 256-colour table.
    Indexed,
    /// The 16 named colours.
    Ansi,
    /// None: bold, dim, underline and reverse only.
    Mono,
}

/// A style for every token.
#[derive(Debug, Clone)]
pub(crate) struct Theme {
    #[cfg(test)]
    appearance: Appearance,
    styles: [Style; Token::ALL.len()],
}

impl Theme {
    fn from_map(#[cfg(test)] appearance: Appearance, map: &BTreeMap<Token, Style>) -> Self {
        let find = |mut token: Token| loop {
            if let Some(style) = map.get(&token) {
                return *style;
            }
            match token.fallback() {
                Some(next) => token = next,
                None => return Style::new(),
            }
        };
        Self {
            #[cfg(test)]
            appearance,
            styles: Token::ALL.map(find),
        }
    }

    /// The theme for a terminal of that depth: `NO_COLOR` and colourless terminals get the mono theme, which was made
    /// for them, unless another theme was asked for by name.
    pub(crate) fn choose(name: Option<&str>, dir: Option<&Path>, depth: Depth) -> Result<Self> {
        let default = if depth == Depth::Mono { "mono" } else { "default" };
        let mut theme = load::load(name.unwrap_or(default), dir)?;
        for style in &mut theme.styles {
            *style = downgrade::style(*style, depth);
        }
        Ok(theme)
    }

    /// What can be switched to while the console runs: the chosen one, then those of the program, by name.
    ///
    /// # Errors
    /// The chosen one is not there, or wrong.
    pub(crate) fn all(name: Option<&str>, dir: Option<&Path>, depth: Depth) -> Result<Vec<(String, Self)>> {
        let chosen = Self::choose(name, dir, depth)?;
        let first = name.map(load::spelled);
        let first = first.unwrap_or(if depth == Depth::Mono { "mono" } else { "default" });
        let mut all = vec![(first.to_owned(), chosen)];
        for (name, _) in load::BUILT_IN {
            if name != first {
                all.push((name.to_owned(), Self::choose(Some(name), None, depth)?));
            }
        }
        Ok(all)
    }

    pub(crate) fn get(&self, token: Token) -> Style {
        self.styles[token as usize]
    }

    /// For which terminals the theme is made.
    #[cfg(test)]
    pub(crate) fn appearance(&self) -> Appearance {
        self.appearance
    }
}
