//! The table of all keys.

use super::section;

/// Whether a value may be shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrecy {
    /// Shown as it is.
    Plain,
    /// A URL: shown without user, password, query and long path segments.
    Url,
    /// Never shown, and refused in files: set it in the environment or name a file that holds it.
    Secret,
}

/// A setting as files may hold it, and what samples, help and messages tell of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Key {
    /// Dotted name; within a list the short name.
    pub name: &'static str,
    /// What it takes, in words.
    pub takes: &'static str,
    /// Value when nothing else says otherwise. `None`: absent, or computed as `doc` says.
    pub default: Option<&'static str>,
    /// Whether it may be shown.
    pub secrecy: Secrecy,
    /// The command-line flag that sets it.
    pub flag: Option<&'static str>,
    /// Least and most that can work, as a file says it. What lies beyond is a mistake: it would switch something off without a
    /// word, or could never come true.
    pub range: Option<(&'static str, &'static str)>,
    /// What it means, one line.
    pub doc: &'static str,
}

impl Key {
    pub(super) const fn new(name: &'static str, takes: &'static str, doc: &'static str) -> Self {
        Self {
            name,
            takes,
            default: None,
            secrecy: Secrecy::Plain,
            flag: None,
            range: None,
            doc,
        }
    }

    pub(super) const fn default(mut self, value: &'static str) -> Self {
        self.default = Some(value);
        self
    }

    pub(super) const fn url(mut self) -> Self {
        self.secrecy = Secrecy::Url;
        self
    }

    pub(super) const fn secret(mut self) -> Self {
        self.secrecy = Secrecy::Secret;
        self
    }

    pub(super) const fn within(mut self, least: &'static str, most: &'static str) -> Self {
        self.range = Some((least, most));
        self
    }

    pub(super) const fn flag(mut self, flag: &'static str) -> Self {
        self.flag = Some(flag);
        self
    }
}

const SECTIONS: &[&[Key]] = &[
    section::state::KEYS,
    section::network::KEYS,
    section::rpc::KEYS,
    section::contract::KEYS,
    section::signer::KEYS,
    section::dkg::KEYS,
    section::operators::KEYS,
    section::selection::KEYS,
    section::policy::KEYS,
    section::fees::KEYS,
    section::beacon::KEYS,
    section::http::KEYS,
    section::journal::KEYS,
    section::attach::KEYS,
    section::notices::KEYS,
    section::metrics::KEYS,
    section::messenger::KEYS,
    section::node::KEYS,
    section::ui::KEYS,
    section::log::KEYS,
];

/// Lists of tables: the name in the file and the keys of each table.
pub(super) const LISTS: &[(&str, &[Key])] = &[
    ("operator", section::operators::OPERATOR_KEYS),
    ("person", section::person::PERSON_KEYS),
    ("policy.two_persons", section::person::TWO_KEYS),
    ("policy.undo", section::undo::KEYS),
    ("policy.rule", section::policy::RULE_KEYS),
    ("notices.to", section::notices::TO_KEYS),
    ("messenger.operator", section::messenger::OPERATOR_KEYS),
    ("messenger.initiator", section::messenger::INITIATOR_KEYS),
    ("node.initiator", section::node::INITIATOR_KEYS),
    ("node.owner", section::node::OWNER_KEYS),
    ("node.exit", section::node::EXIT_KEYS),
];

/// Every key that has one value, in the order of the sections.
pub fn all_keys() -> impl Iterator<Item = &'static Key> {
    SECTIONS.iter().copied().flatten()
}

/// Every list of tables with the keys of its tables.
pub fn list_keys() -> impl Iterator<Item = (&'static str, &'static [Key])> {
    LISTS.iter().copied()
}

pub(super) fn find(name: &str) -> Option<&'static Key> {
    all_keys().find(|key| key.name == name)
}

/// What a key may be, with the name of its list before that of the key.
pub(super) fn range(full: &str) -> Option<(&'static str, &'static str)> {
    let of_list = || {
        LISTS.iter().find_map(|(list, keys)| {
            let name = full.strip_prefix(list)?.strip_prefix('.')?;
            keys.iter().find(|key| key.name == name)
        })
    };
    find(full).or_else(of_list)?.range
}

pub(super) fn find_list(name: &str) -> Option<&'static [Key]> {
    LISTS
        .iter()
        .find(|(list, _)| *list == name)
        .map(|(_, keys)| *keys)
}

/// Whether `name` is a section, i.e. a proper prefix of some key.
pub(super) fn is_section(name: &str) -> bool {
    all_keys().any(|key| {
        key.name
            .strip_prefix(name)
            .is_some_and(|rest| rest.starts_with('.'))
    })
}
