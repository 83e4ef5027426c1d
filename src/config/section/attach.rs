//! `[attach]`: the local socket at which other processes sit down.

use std::path::PathBuf;

use crate::config::raw::Raw;
use crate::config::reader::{Reader, text_of};
use crate::config::schema::Key;
use crate::config::value::{Bad, Value};

pub(in crate::config) const KEYS: &[Key] = &[
    Key::new(
        "attach.socket",
        "a path, or off",
        "Where a running engine listens for consoles and commands; without it in the runtime directory of the service or of the login session, else beside the journal.",
    ),
    Key::new(
        "attach.group",
        "a group of this system",
        "Its members may open the socket's file (mode 0660); without it only the engine's user and root may. What they may do there, attach.view and attach.approve say.",
    ),
    Key::new(
        "attach.view",
        "a list of users, numbers of users, and @groups",
        "Who may look.",
    ),
    Key::new(
        "attach.approve",
        "a list of users, numbers of users, and @groups",
        "Who may look and decide; without it the engine's user and root.",
    ),
];

/// A user by name or number, or the members of a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Who {
    /// A user by name.
    User(String),
    /// A user by number.
    Uid(u32),
    /// Everybody in a group, written `@name`.
    Group(String),
}

impl std::fmt::Display for Who {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::User(name) => f.pad(name),
            Self::Uid(uid) => std::fmt::Display::fmt(uid, f),
            Self::Group(name) => write!(f, "@{name}"),
        }
    }
}

impl Value for Who {
    fn read(raw: &Raw) -> Result<Self, Bad> {
        const EXPECTED: &str = "a user, the number of a user, or @group";
        if let Raw::Number(text) = raw {
            let uid = text.trim().parse();
            return uid
                .map(Self::Uid)
                .map_err(|_| Bad::from(format!("expected {EXPECTED}")));
        }
        let text = text_of(EXPECTED, raw)?;
        let named = |name: &str| {
            let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '$');
            (!name.is_empty() && name.chars().all(plain)).then(|| name.to_owned())
        };
        let who = match text.strip_prefix('@') {
            Some(group) => named(group).map(Self::Group),
            None => text
                .parse()
                .map(Self::Uid)
                .ok()
                .or_else(|| named(text).map(Self::User)),
        };
        who.ok_or_else(|| Bad::from(format!("expected {EXPECTED}, got \"{text}\"")))
    }
}

/// Where an engine listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Socket {
    /// Where the system keeps sockets.
    Usual,
    /// There.
    At(PathBuf),
    /// Nowhere.
    Off,
}

/// The local socket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttachConfig {
    /// Where.
    pub socket: Socket,
    pub access: Access,
}

/// The socket's doors.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Access {
    /// The group whose members can open the socket's file; without it only the engine's user and root can.
    pub group: Option<String>,
    /// Who sees.
    pub view: Vec<Who>,
    /// Who sees and decides. Empty: the engine's user and root.
    pub approve: Vec<Who>,
}

/// Where an engine listens: all that whoever attaches needs.
pub(in crate::config) fn socket(r: &mut Reader<'_>) -> Option<Socket> {
    let off = matches!(r.optional::<String>("attach.socket"), Some(Some(text)) if text == "off");
    if off {
        return Some(Socket::Off);
    }
    let path = r.path("attach.socket")?;
    Some(path.map_or(Socket::Usual, Socket::At))
}

pub(in crate::config) fn read(r: &mut Reader<'_>) -> Option<AttachConfig> {
    let socket = socket(r);
    let group = r.optional("attach.group");
    let view = r.optional("attach.view");
    let approve = r.optional::<Vec<Who>>("attach.approve");
    if matches!(&approve, Some(Some(list)) if list.is_empty()) {
        let message = "an empty list names nobody: leave it out for the engine's user and root; where nobody is to attach, \
                       attach.socket = \"off\"";
        r.error("attach.approve", message.to_owned());
    }
    Some(AttachConfig {
        socket: socket?,
        access: Access {
            group: group?,
            view: view?.unwrap_or_default(),
            approve: approve?.unwrap_or_default(),
        },
    })
}
