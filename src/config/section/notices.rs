//! `[notices]`: who is told, wherever nobody watches.

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use crate::config::raw::Row;
use crate::config::reader::{Reader, words};
use crate::config::schema::Key;
use crate::config::value::HttpUrl;
use crate::ports::notifier::{NoticeKind, Severity};
use crate::types::RedactedUrl;

pub(in crate::config) const KEYS: &[Key] = &[
    Key::new(
        "notices.repeat",
        "a time",
        "What still waits is told again after this time, then after twice as long each time, up to 6 hours.",
    )
    .within("1s", "6h")
    .default("15m"),
    Key::new(
        "notices.per_hour",
        "a number",
        "So many critical notices one receiver gets within an hour at most, and so many others; what is left out is counted and said.",
    )
    .default("60"),
    Key::new(
        "notices.balance_deposits",
        "a number",
        "The balance is low when it is enough for fewer deposits than these.",
    )
    .within("1", "1000000")
    .default("10"),
];

const LIST: &str = "notices.to";

pub(in crate::config) const TO_KEYS: &[Key] = &[
    Key::new("name", "text", "A name for the log and the metrics."),
    Key::new(
        "format",
        "json, slack, telegram, pagerduty or alertmanager",
        "What the receiver understands; without it json.",
    ),
    Key::new(
        "command",
        "a list: a program and its arguments",
        "Started for each notice, which it reads as JSON from stdin; for the format json, in the place of a URL.",
    ),
    Key::new(
        "url",
        "an http(s) URL",
        "Where notices are posted to. Telegram and PagerDuty have their own when it is left out; for Alertmanager its base.",
    )
    .url(),
    Key::new(
        "url_file",
        "a path",
        "The file that holds the URL, for URLs that are secrets, as Slack's.",
    ),
    Key::new(
        "secret_file",
        "a path",
        "The file that holds the key that signs (json), the bot's token (telegram) or the routing key (pagerduty).",
    ),
    Key::new("chat", "text", "The chat that a Telegram bot writes to."),
    Key::new(
        "severity",
        "info, warning or critical",
        "What is less bad than this is not told here; without it warning.",
    ),
    Key::new(
        "kinds",
        "a list of kinds of notices",
        "Only these kinds are told here; without it all.",
    ),
];

words!(Severity {
    "info" => Severity::Info,
    "warning" => Severity::Warning,
    "critical" => Severity::Critical,
} no_display);

words!(NoticeKind {
    "approval-waiting" => NoticeKind::ApprovalWaiting,
    "paused" => NoticeKind::Paused,
    "action-failed" => NoticeKind::ActionFailed,
    "stuck" => NoticeKind::Stuck,
    "operator-down" => NoticeKind::OperatorDown,
    "endpoint-down" => NoticeKind::EndpointDown,
    "balance-low" => NoticeKind::BalanceLow,
    "deadline-near" => NoticeKind::DeadlineNear,
    "foreign-transaction" => NoticeKind::ForeignTransaction,
    "journal-trouble" => NoticeKind::JournalTrouble,
    "exit-due" => NoticeKind::ExitDue,
} no_display);

/// A format as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Json,
    Slack,
    Telegram,
    PagerDuty,
    Alertmanager,
}

words!(Format {
    "json" => Format::Json,
    "slack" => Format::Slack,
    "telegram" => Format::Telegram,
    "pagerduty" => Format::PagerDuty,
    "alertmanager" => Format::Alertmanager,
});

/// A URL, or the file that holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UrlSource {
    Url(RedactedUrl),
    File(PathBuf),
}

/// How a receiver is told. Secrets are read from their files when the receiver is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Receiver {
    /// A program and its arguments; the notice as JSON on stdin.
    Command(Vec<String>),
    /// The notice as JSON, signed where there is a key.
    Webhook {
        to: UrlSource,
        key_file: Option<PathBuf>,
    },
    /// An incoming webhook of Slack.
    Slack { to: UrlSource },
    /// A bot of Telegram.
    Telegram {
        base: RedactedUrl,
        token_file: PathBuf,
        chat: String,
    },
    /// The Events API v2 of PagerDuty.
    PagerDuty { to: RedactedUrl, key_file: PathBuf },
    /// The API v2 of Alertmanager, by its base URL.
    Alertmanager { base: UrlSource },
}

/// One who is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticesTo {
    pub name: String,
    pub receiver: Receiver,
    /// Nothing that is less bad.
    pub least: Severity,
    /// Only these kinds; empty: all.
    pub kinds: Vec<NoticeKind>,
}

/// Who is told, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoticesConfig {
    /// The first pause before something is told again.
    pub repeat: Duration,
    /// The most that one receiver gets within an hour: so many that are critical, and so many others.
    pub per_hour: NonZeroU32,
    /// Fewer deposits than these are told of.
    pub balance_deposits: u64,
    pub to: Vec<NoticesTo>,
}

pub(in crate::config) fn read(r: &mut Reader<'_>) -> Option<NoticesConfig> {
    let repeat = r.required("notices.repeat");
    let per_hour = r.required("notices.per_hour");
    let balance_deposits = r.required("notices.balance_deposits");
    let mut names = Vec::new();
    let to = r.each(LIST, |r, row| {
        let to = receiver(r, row)?;
        if names.contains(&to.name) {
            let message = format!("two receivers are called \"{}\"", to.name);
            r.row_error(LIST, row, "name", message);
        }
        names.push(to.name.clone());
        Some(to)
    });
    Some(NoticesConfig {
        repeat: repeat?,
        per_hour: per_hour?,
        balance_deposits: balance_deposits?,
        to: to?,
    })
}

fn receiver(r: &mut Reader<'_>, row: &Row) -> Option<NoticesTo> {
    let name = r.row_required::<String>(LIST, row, "name");
    let format = r.row_optional::<Format>(LIST, row, "format");
    let least = r.row_optional(LIST, row, "severity");
    let kinds = r.row_optional::<Vec<NoticeKind>>(LIST, row, "kinds");
    let receiver =
        format.and_then(|format| Fields::read(r, row)?.receiver(r, row, format.unwrap_or(Format::Json)));
    if kinds.iter().flatten().any(Vec::is_empty) {
        r.row_error(LIST, row, "kinds", "tells nothing".to_owned());
    }
    let least = least.map(|least| least.unwrap_or(Severity::Warning));
    if let (Some(least), Some(Some(kinds))) = (least, &kinds) {
        never_told(r, row, least, kinds);
    }
    Some(NoticesTo {
        name: name?,
        receiver: receiver?,
        least: least?,
        kinds: kinds?.unwrap_or_default(),
    })
}

/// Kinds that are never as bad as what is told here at least: nobody would miss them before they matter.
fn never_told(r: &mut Reader<'_>, row: &Row, least: Severity, kinds: &[NoticeKind]) {
    let (never, told): (Vec<NoticeKind>, Vec<NoticeKind>) =
        kinds.iter().copied().partition(|kind| kind.worst() < least);
    let Some(worst) = never.iter().map(|kind| kind.worst()).max() else {
        return;
    };
    let names: Vec<_> = never.iter().map(ToString::to_string).collect();
    let (is, worst) = (if names.len() == 1 { "is" } else { "are" }, worst.word());
    let message = format!(
        "{} {is} a {worst} at worst, and less than {} is not told here",
        names.join(", "),
        least.word()
    );
    match told.is_empty() {
        true => r.row_error(LIST, row, "kinds", format!("{message}: nothing is ever told")),
        false => r.row_worry(LIST, row, "kinds", &message),
    }
}

/// What a table says of the way to its receiver.
struct Fields {
    command: Option<Vec<String>>,
    url: Option<RedactedUrl>,
    url_file: Option<PathBuf>,
    secret_file: Option<PathBuf>,
    chat: Option<String>,
}

impl Fields {
    fn read(r: &mut Reader<'_>, row: &Row) -> Option<Self> {
        let command = r.row_optional(LIST, row, "command");
        let url = r.row_optional::<HttpUrl>(LIST, row, "url");
        let url_file = r.row_optional::<String>(LIST, row, "url_file");
        let secret_file = r.row_optional::<String>(LIST, row, "secret_file");
        let chat = r.row_optional(LIST, row, "chat");
        Some(Self {
            command: command?,
            url: url?.map(|url| url.0),
            url_file: url_file?.and_then(|_| r.row_path(row, "url_file")),
            secret_file: secret_file?.and_then(|_| r.row_path(row, "secret_file")),
            chat: chat?,
        })
    }

    fn receiver(self, r: &mut Reader<'_>, row: &Row, format: Format) -> Option<Receiver> {
        for (key, said, fits) in [
            ("command", self.command.is_some(), format == Format::Json),
            ("chat", self.chat.is_some(), format == Format::Telegram),
            (
                "secret_file",
                self.secret_file.is_some(),
                !matches!(format, Format::Slack | Format::Alertmanager),
            ),
        ] {
            if said && !fits {
                let message = format!("means nothing to the format {format}");
                r.row_error(LIST, row, key, message);
                return None;
            }
        }
        match format {
            Format::Json if self.command.is_some() => self.command(r, row),
            Format::Json => Some(Receiver::Webhook {
                key_file: self.secret_file.clone(),
                to: self.address(r, row)?,
            }),
            Format::Slack => Some(Receiver::Slack {
                to: self.address(r, row)?,
            }),
            Format::Alertmanager => Some(Receiver::Alertmanager {
                base: self.address(r, row)?,
            }),
            Format::Telegram => {
                let chat = required(r, row, "chat", self.chat.clone());
                Some(Receiver::Telegram {
                    base: self.own_url(TELEGRAM),
                    token_file: required(r, row, "secret_file", self.secret_file)?,
                    chat: chat?,
                })
            }
            Format::PagerDuty => Some(Receiver::PagerDuty {
                to: self.own_url(PAGER_DUTY),
                key_file: required(r, row, "secret_file", self.secret_file)?,
            }),
        }
    }

    fn command(self, r: &mut Reader<'_>, row: &Row) -> Option<Receiver> {
        if self.url.is_some() || self.url_file.is_some() {
            let message = "both a command and a URL are given".to_owned();
            r.row_error(LIST, row, "command", message);
            return None;
        }
        if self.secret_file.is_some() {
            let message = "a command's notices are not signed".to_owned();
            r.row_error(LIST, row, "secret_file", message);
            return None;
        }
        let command = self.command.filter(|words| !words.is_empty());
        if command.is_none() {
            r.row_error(LIST, row, "command", "names no program".to_owned());
        }
        command.map(Receiver::Command)
    }

    fn address(&self, r: &mut Reader<'_>, row: &Row) -> Option<UrlSource> {
        match (&self.url, &self.url_file) {
            (Some(_), Some(_)) => {
                r.row_error(
                    LIST,
                    row,
                    "url_file",
                    "both a URL and a file are given".to_owned(),
                );
                None
            }
            (Some(url), None) => Some(UrlSource::Url(url.clone())),
            (None, Some(file)) => Some(UrlSource::File(file.clone())),
            (None, None) => {
                r.row_error(LIST, row, "url", "is required, or url_file".to_owned());
                None
            }
        }
    }

    fn own_url(&self, usual: &str) -> RedactedUrl {
        self.url.clone().unwrap_or_else(|| RedactedUrl::new(usual))
    }
}

/// Telegram's Bot API, <https://core.telegram.org/bots/api>.
const TELEGRAM: &str = "https://api.telegram.org";
/// PagerDuty's Events API v2, <https://developer.pagerduty.com/docs/events-api-v2-overview>.
const PAGER_DUTY: &str = "https://events.pagerduty.com/v2/enqueue";

fn required<T>(r: &mut Reader<'_>, row: &Row, key: &str, value: Option<T>) -> Option<T> {
    if value.is_none() {
        r.row_error(LIST, row, key, "is required for this format".to_owned());
    }
    value
}
