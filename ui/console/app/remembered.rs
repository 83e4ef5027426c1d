//! What a person left behind of how it looks: where they were, the theme, what lists are sorted by. It is theirs and not
//! the engine's, so it stands in their own state directory, and nothing depends on it.

use std::path::{Path, PathBuf};

use casimir_dkg::secrets::read_trusted;

use super::{App, Tab};
use crate::console::screens::panes::Pane;
use crate::console::theme::spelled;

/// What is remembered. Names, so that it outlives panes that come and go.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Remembered {
    theme: Option<String>,
    /// The tab: `overview`, or a pane that has the screen to itself.
    tab: Option<String>,
    /// The focused pane of the overview.
    focus: Option<String>,
    /// What lists are sorted by; with `-` in front the other way round.
    sort: Vec<(String, String)>,
}

/// Where it stands: `$XDG_STATE_HOME/casimir-dkg/console.toml`, else under `~/.local/state`. None: nobody has a home.
pub(crate) fn place(var: impl Fn(&str) -> Option<String>) -> Option<PathBuf> {
    let absolute = |path: PathBuf| Some(path).filter(|path| path.is_absolute());
    let named = |name| var(name).map(PathBuf::from).and_then(absolute);
    let state = named("XDG_STATE_HOME").or_else(|| Some(named("HOME")?.join(".local/state")))?;
    Some(state.join("casimir-dkg").join("console.toml"))
}

/// Bytes of what is remembered, and much to spare.
const LONGEST: u64 = 1 << 16;

impl Remembered {
    /// What stands there; nothing where there is no such file.
    ///
    /// # Errors
    /// It cannot be read, in words for the person whose it is.
    pub(crate) fn read(place: &Path) -> Result<Self, String> {
        let ignored = |why: &str| format!("{} is ignored: {why}", place.display());
        match read_trusted(place, LONGEST) {
            Ok(bytes) => Self::parse(&String::from_utf8_lossy(&bytes)).map_err(|why| ignored(&why)),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(ignored(&error.to_string())),
        }
    }

    fn parse(text: &str) -> Result<Self, String> {
        let table: toml::Table = text.parse().map_err(|_| "it is not TOML".to_owned())?;
        let word = |name: &str| match table.get(name) {
            None => Ok(None),
            Some(toml::Value::String(word)) => Ok(Some(word.clone())),
            Some(_) => Err(format!("{name} is no text")),
        };
        let mut sort = Vec::new();
        if let Some(sorted) = table.get("sort") {
            let sorted = sorted.as_table().ok_or("sort is no table")?;
            for (pane, by) in sorted {
                let by = by.as_str().ok_or(format!("sort.{pane} is no text"))?;
                sort.push((pane.clone(), by.to_owned()));
            }
        }
        Ok(Self {
            theme: word("theme")?,
            tab: word("tab")?,
            focus: word("focus")?,
            sort,
        })
    }

    /// As a file.
    pub(crate) fn text(&self) -> String {
        let mut table = toml::Table::new();
        let words = [("theme", &self.theme), ("tab", &self.tab), ("focus", &self.focus)];
        for (name, word) in words {
            if let Some(word) = word {
                table.insert(name.to_owned(), word.clone().into());
            }
        }
        let sort = self
            .sort
            .iter()
            .map(|(pane, by)| (pane.clone(), by.clone().into()));
        table.insert("sort".to_owned(), toml::Value::Table(sort.collect()));
        format!("# How the console was left. It may be removed at any time.\n{table}")
    }

    /// Writes it, whole or not at all.
    ///
    /// # Errors
    /// The directory cannot be made or written.
    pub(crate) fn write(&self, place: &Path) -> std::io::Result<()> {
        if let Some(directory) = place.parent() {
            std::fs::create_dir_all(directory)?;
        }
        let new = place.with_extension("toml.new");
        std::fs::write(&new, self.text())?;
        std::fs::rename(new, place)
    }
}

impl App {
    /// What would be remembered now. A theme that nobody chose here is none.
    pub(crate) fn remembered(&self) -> Remembered {
        let theme = self.settings.themes.get(self.theme).filter(|_| self.theme_chosen);
        let sorted = self.lists.iter().filter_map(|list| {
            let (by, turned) = list.sort?;
            let name = list.pane.sorts().get(by)?;
            let sign = if turned { "-" } else { "" };
            Some((list.pane.title().to_owned(), format!("{sign}{name}")))
        });
        Remembered {
            theme: theme.map(|(name, _)| name.clone()),
            tab: Some(self.tab.title().to_owned()),
            focus: Some(self.focus.title().to_owned()),
            sort: sorted.collect(),
        }
    }

    /// Takes up how it was left. What is not there any more is left alone. `theme`: neither the configuration nor the
    /// environment says which.
    pub(crate) fn take_up(&mut self, remembered: &Remembered, theme: bool) {
        let wanted = remembered.theme.as_deref().filter(|_| theme).map(spelled);
        let known =
            wanted.and_then(|wanted| self.settings.themes.iter().position(|(name, _)| name == wanted));
        if let Some(at) = known {
            self.theme = at;
            self.theme_chosen = true;
            self.settings.theme = self.settings.themes[at].1.clone();
        }
        let named = |title: &Option<String>, panes: &[Pane]| {
            let title = title.as_ref()?;
            panes.iter().copied().find(|pane| pane.title() == title)
        };
        if let Some(pane) = named(&remembered.tab, &self.settings.panes) {
            self.tab = Tab::Only(pane);
        }
        if let Some(pane) = named(&remembered.focus, &self.settings.panes) {
            self.focus = pane;
        }
        for (title, by) in &remembered.sort {
            let Some(pane) = named(&Some(title.clone()), &self.settings.panes) else {
                continue;
            };
            let (name, turned) = match by.strip_prefix('-') {
                Some(name) => (name, true),
                None => (by.as_str(), false),
            };
            let sort = pane.sorts().iter().position(|known| *known == name);
            self.with_list(pane, |list, known| {
                list.sort = sort.map(|by| (by, turned));
                list.refresh(known, None);
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_stands_in_the_persons_own_state_directory() {
        let var = |vars: &'static [(&'static str, &'static str)]| {
            move |name: &str| {
                vars.iter()
                    .find(|(n, _)| *n == name)
                    .map(|(_, v)| (*v).to_owned())
            }
        };
        let of = |vars| place(var(vars)).map(|path| path.display().to_string());
        assert_eq!(
            of(&[("XDG_STATE_HOME", "/s"), ("HOME", "/h")]).unwrap(),
            "/s/casimir-dkg/console.toml"
        );
        assert_eq!(
            of(&[("XDG_STATE_HOME", "relative"), ("HOME", "/h")]).unwrap(),
            "/h/.local/state/casimir-dkg/console.toml"
        );
        assert_eq!(of(&[]), None);
    }

    #[test]
    fn it_is_read_back_and_a_broken_one_is_ignored_with_a_word() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("casimir-dkg/console.toml");
        assert_eq!(Remembered::read(&file), Ok(Remembered::default()));
        let remembered = Remembered {
            theme: Some("dark".to_owned()),
            tab: Some("approvals".to_owned()),
            focus: None,
            sort: vec![("approvals".to_owned(), "-age".to_owned())],
        };
        remembered.write(&file).unwrap();
        assert_eq!(Remembered::read(&file), Ok(remembered));
        for (text, says) in [
            ("theme = [", "is ignored: it is not TOML"),
            ("theme = 3", "is ignored: theme is no text"),
            ("[sort]\napprovals = 1", "is ignored: sort.approvals is no text"),
        ] {
            std::fs::write(&file, text).unwrap();
            let why = Remembered::read(&file).unwrap_err();
            assert!(why.ends_with(says), "{why}");
        }
    }
}
