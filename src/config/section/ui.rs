//! `[ui]`: the console.

use std::path::PathBuf;
use std::time::Duration;

use crate::config::raw::Raw;
use crate::config::reader::{Reader, text_of};
use crate::config::schema::Key;
use crate::config::value::{Bad, Value};

pub(in crate::config) const KEYS: &[Key] = &[
    Key::new(
        "ui.theme",
        "default, dark, light, high-contrast, colour-blind, mono, or a path",
        "Colours. NO_COLOR means mono when this is not set.",
    )
    .flag("--theme"),
    Key::new("ui.keys", "a path", "Key bindings laid over the built-in ones."),
    Key::new("ui.animations", "true or false", "Spinners.").default("true"),
    Key::new(
        "ui.notify",
        "bell, off, or a command",
        "What the console does once for each new approval; [[notices.to]] tells it in every front end.",
    )
    .default("bell"),
    Key::new(
        "ui.mouse",
        "true or false",
        "Mouse capture, which takes the terminal's own selection away.",
    )
    .default("false"),
    Key::new(
        "ui.ascii",
        "true or false",
        "No box drawing, no symbols beyond ASCII.",
    )
    .default("false"),
    Key::new(
        "ui.allow_suspend",
        "true or false",
        "Whether ctrl-z may stop the process, and with it the engine, when nothing is in flight.",
    )
    .default("false"),
    Key::new(
        "ui.grace",
        "a time",
        "After an approval opens, approve keys are dead for this long.",
    )
    .within("1ms", "10s")
    .default("350ms"),
];

/// What happens once for each new approval.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Notify {
    /// The terminal's bell.
    Bell,
    Off,
    /// A program is started, without a shell and without arguments of ours.
    Command(String),
}

impl Value for Notify {
    fn read(raw: &Raw) -> Result<Self, Bad> {
        match text_of("bell, off, or a command", raw)? {
            "bell" => Ok(Self::Bell),
            "off" => Ok(Self::Off),
            "" => Err("is empty: use \"off\"".to_owned().into()),
            command => Ok(Self::Command(command.to_owned())),
        }
    }
}

/// How the console looks and what it takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UiConfig {
    /// Name or path; `None`: by the terminal.
    pub theme: Option<String>,
    /// A file of key bindings that are laid over the built-in ones.
    pub keys: Option<PathBuf>,
    /// Whether spinners turn.
    pub animations: bool,
    /// For each new approval.
    pub notify: Notify,
    /// Mouse capture at start.
    pub mouse: bool,
    /// Signs, borders and charts of ASCII characters only.
    pub ascii: bool,
    /// Whether ctrl-z may stop the process, and with it the engine, when nothing is in flight.
    pub allow_suspend: bool,
    /// How long approve keys are dead after an approval opened.
    pub grace: Duration,
}

pub(in crate::config) fn read(r: &mut Reader<'_>) -> Option<UiConfig> {
    let theme = r.optional("ui.theme");
    let keys = r.path("ui.keys");
    let animations = r.required("ui.animations");
    let notify = r.required("ui.notify");
    let mouse = r.required("ui.mouse");
    let ascii = r.required("ui.ascii");
    let allow_suspend = r.required("ui.allow_suspend");
    let grace = r.required("ui.grace");
    Some(UiConfig {
        theme: theme?,
        keys: keys?,
        animations: animations?,
        notify: notify?,
        mouse: mouse?,
        ascii: ascii?,
        allow_suspend: allow_suspend?,
        grace: grace?,
    })
}
