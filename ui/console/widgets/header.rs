//! The header: which network, who decides, is the chain followed, who pays, is everything reachable, does somebody wait.
//!
//! ```text
//!  casimir-dkg  DEVNET chain 31337 · simulated: SSV stand-in  SUPERVISED                          ● 2 waiting
//!  ✓ live  head 1,234 2 s  final 1,200  base fee 12.3 gwei │ oracle 0x… 1.2345 ETH │ rpc 2/2  messenger 1/1
//! ```

use std::time::Duration;

use casimir_dkg::types::{CheckStatus, Severity};
use casimir_dkg::view::{EndpointKind, Health, Mode, Wait, WaitReason};
use ratatui::text::{Line, Span};

use super::sign::Sign;
use super::text::{clean, fit, middle, width};
use super::{format, status};
use crate::console::app::App;
use crate::console::keys::{Command, Group};
use crate::console::theme::Token;

/// The lines of the header at that width. Narrow terminals lose detail, never the network, the mode or the badge.
pub(crate) fn lines(app: &App, columns: u16) -> Vec<Line<'static>> {
    let columns = usize::from(columns);
    let mut lines = vec![first(app, columns)];
    let rule = || {
        Span::styled(
            format!(" {} ", Sign::Rule.glyph(app.settings.ascii)),
            app.style(Token::Muted),
        )
    };
    let parts = match columns {
        _ if app.past.is_some() => vec![vec![not_journaled(app)]],
        _ if app.silent.is_some() => vec![vec![unheard(app)]],
        0..80 => vec![vec![chain(app, false), endpoints(app, Names::Signs)]],
        80..124 => vec![
            vec![chain(app, true)],
            vec![signer(app, 13), endpoints(app, Names::Short)],
        ],
        124..190 => vec![
            vec![chain(app, true), endpoints(app, Names::Full)],
            vec![signer(app, 42)],
        ],
        _ => vec![vec![
            chain(app, true),
            signer(app, 42),
            endpoints(app, Names::Full),
        ]],
    };
    for segments in parts {
        let mut spans = vec![Span::raw(" ")];
        for (i, segment) in segments.into_iter().filter(|s| !s.is_empty()).enumerate() {
            if i > 0 {
                spans.push(rule());
            }
            spans.extend(segment);
        }
        lines.push(Line::from(spans));
    }
    let styled = |text: String| Line::from(Span::styled(format!(" {text}"), app.style(Token::Warn)));
    lines.extend(leaving(app).map(styled));
    lines.extend(alarm(app, columns));
    lines
}

/// In the past: what would stand here of the present was never written down, and must not look like an outage.
fn not_journaled(app: &App) -> Vec<Span<'static>> {
    let words = "the chain and who answered are not in the journal";
    vec![Span::styled(words, app.style(Token::Muted))]
}

/// While the engine does not answer: who was reachable and how far the chain was is of before, and must not look like now.
fn unheard(app: &App) -> Vec<Span<'static>> {
    let sign = Sign::Fail.glyph(app.settings.ascii);
    let silent = format::age(app.silent.unwrap_or_default());
    let words = format!("{sign} the engine has not answered for {silent}: all of this is from before");
    vec![Span::styled(words, app.style(Token::Danger))]
}

fn first(app: &App, columns: usize) -> Line<'static> {
    let network = &app.snapshot.network;
    let token = if network.mainnet {
        Token::NetworkMain
    } else {
        Token::NetworkTest
    };
    let name = clean(network.name.as_str()).to_uppercase();
    let mut left = vec![Span::raw(" ")];
    if columns >= 80 {
        left.push(Span::styled("casimir-dkg  ", app.style(Token::Emphasis)));
    }
    left.push(Span::styled(format!(" {name} "), app.style(token)));
    left.push(Span::raw(" "));
    left.extend(mode(app, columns));
    if let Some(pause) = &app.snapshot.paused {
        let since = format::age(app.clock().since(pause.since));
        let sign = Sign::Paused.glyph(app.settings.ascii);
        let by = if columns >= 100 {
            format!(" by {}, {since}", clean(pause.by.as_str()))
        } else {
            String::new()
        };
        left.push(Span::styled(
            format!(" {sign} PAUSED{by} "),
            app.style(Token::Badge),
        ));
        left.push(Span::raw(" "));
    }
    let badge = badge(app);
    let badge_width: usize = badge.iter().map(Span::width).sum();
    let used = |spans: &[Span<'_>]| spans.iter().map(Span::width).sum::<usize>();
    let room = |left: &[Span<'_>]| columns.saturating_sub(used(left) + badge_width + 1);
    // labels of simulated parts are shown on every screen; the chain id goes first
    let simulated = network
        .simulated
        .iter()
        .map(|s| clean(s.as_str()).into_owned())
        .collect::<Vec<_>>();
    let dot = Sign::Dot.glyph(app.settings.ascii);
    let chain = format!("chain {} ", network.chain_id);
    let label = if simulated.is_empty() {
        String::new()
    } else {
        format!("simulated: {} ", simulated.join(", "))
    };
    let full = if label.is_empty() {
        chain.clone()
    } else {
        format!("{chain}{dot} {label}")
    };
    let short = if simulated.is_empty() {
        String::new()
    } else {
        "simulated parts ".to_owned()
    };
    for candidate in [full, label, short] {
        if !candidate.is_empty() && candidate.chars().count() <= room(&left) {
            left.push(Span::styled(candidate, app.style(Token::Muted)));
            break;
        }
    }
    left.push(Span::raw(" ".repeat(room(&left))));
    left.extend(badge);
    Line::from(left)
}

fn mode(app: &App, columns: usize) -> Vec<Span<'static>> {
    let (word, token) = match app.snapshot.mode {
        Mode::Auto => (" AUTO ", Token::ModeAuto),
        Mode::Supervised => (" SUPERVISED ", Token::ModeSupervised),
        Mode::Observe => (" OBSERVE ", Token::ModeObserve),
    };
    let mut spans = Vec::new();
    if app.past.is_some() {
        let (record, at) = (app.snapshot.journal.records, app.snapshot.at);
        let words = match columns {
            0..100 => format!(" PAST: record {record} "),
            _ => format!(" PAST: record {record}, {} ", format::date(at)),
        };
        spans.extend([Span::styled(words, app.style(Token::Badge)), Span::raw(" ")]);
    }
    spans.extend([Span::styled(word, app.style(token)), Span::raw(" ")]);
    if let Some(switched) = &app.snapshot.switched {
        let words = match columns {
            0..124 => "switched ".to_owned(),
            _ => format!(
                "by {}, started for {} ",
                clean(switched.by.as_str()),
                switched.configured
            ),
        };
        spans.push(Span::styled(words, app.style(Token::Warn)));
    }
    if app.settings.attached.is_some() {
        spans.push(Span::styled("attached ", app.style(Token::Muted)));
    }
    if app.settings.read_only && app.snapshot.mode != Mode::Observe {
        spans.push(Span::styled("read-only ", app.style(Token::ModeObserve)));
    }
    spans
}

fn badge(app: &App) -> Vec<Span<'static>> {
    let waiting = app.waiting_for_a_person();
    if waiting == 0 {
        return vec![Span::styled("nothing waits ", app.style(Token::Muted))];
    }
    let sign = Sign::Waiting.glyph(app.settings.ascii);
    vec![
        Span::styled(format!(" {sign} {waiting} waiting "), app.style(Token::Badge)),
        Span::raw(" "),
    ]
}

fn chain(app: &App, wide: bool) -> Vec<Span<'static>> {
    let chain = &app.snapshot.chain;
    let link = status::link(chain.link);
    let sign = link.sign.glyph(app.settings.ascii);
    let mut spans = vec![Span::styled(
        format!("{sign} {}", link.word),
        app.style(link.token),
    )];
    let mut value = |label: &str, text: String| {
        spans.push(Span::styled(format!("  {label} "), app.style(Token::Muted)));
        spans.push(Span::styled(text, app.style(Token::Header)));
    };
    match chain.head {
        Some(head) => value("head", format::number(head.number)),
        None => value("head", "none yet".to_owned()),
    }
    if wide && let Some(final_) = chain.finalized {
        value("final", format::number(final_.number));
    }
    if wide && let Some(fee) = chain.base_fee_wei {
        value("base fee", format!("{} gwei", format::gwei_short(fee)));
    }
    if let Some(age) = head_age(app, wide) {
        spans.push(Span::styled(format!("  {age}"), app.style(Token::Muted)));
    }
    spans
}

/// A block that is so much older than its arrival did not come fresh.
const NOT_FRESH: Duration = Duration::from_secs(10);

/// When the head came, and how old its block is where that says something else: an endpoint that lags tells old blocks as
/// they come. Where there is room for one of them, it is the block's age.
fn head_age(app: &App, wide: bool) -> Option<String> {
    let chain = &app.snapshot.chain;
    let came = app.clock().since(chain.head_at?);
    let ago = match came.as_secs() {
        0 => "just now".to_owned(),
        _ => format!("{} ago", format::age(came)),
    };
    let old = chain.head_time.map(|time| app.clock().since(time));
    Some(match old.filter(|old| *old >= came + NOT_FRESH) {
        Some(old) if wide => format!("came {ago}, {} old", format::age(old)),
        Some(old) => format!("{} old", format::age(old)),
        None => ago,
    })
}

/// `address` is how many columns the address may take.
fn signer(app: &App, address: usize) -> Vec<Span<'static>> {
    let signer = &app.snapshot.signer;
    let ascii = app.settings.ascii;
    let Some(account) = signer.address else {
        return vec![Span::styled("oracle: no key", app.style(Token::Muted))];
    };
    let shown = middle(&account.to_string(), address, ascii).into_owned();
    let mut spans = vec![
        Span::styled("oracle ", app.style(Token::Muted)),
        Span::styled(shown, app.style(Token::Header)),
    ];
    let (text, token) = match signer.balance_wei {
        Some(wei) => (format!("  {} ETH", format::eth_short(wei)), Token::Header),
        None => ("  balance unknown".to_owned(), Token::Stale),
    };
    spans.push(Span::styled(text, app.style(token)));
    match signer.authorised {
        CheckStatus::Pass => {}
        CheckStatus::Fail => {
            let sign = Sign::Fail.glyph(ascii);
            spans.push(Span::styled(
                format!("  {sign} not the oracle"),
                app.style(Token::Danger),
            ));
        }
        CheckStatus::Unknown => {
            spans.push(Span::styled("  ? authorised", app.style(Token::Stale)));
        }
    }
    spans
}

/// How much of the endpoints' health fits.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Names {
    Full,
    Short,
    Signs,
}

fn endpoints(app: &App, names: Names) -> Vec<Span<'static>> {
    let mut spans = Vec::new();
    let kinds = [
        (EndpointKind::Execution, "rpc", "rpc"),
        (EndpointKind::Relay, "messenger", "msg"),
        (EndpointKind::Beacon, "beacon", "cl"),
    ];
    for (kind, full, short) in kinds {
        let endpoints = app.snapshot.endpoints.iter();
        let of_kind: Vec<_> = endpoints.filter(|e| e.kind == kind).map(|e| e.health).collect();
        spans.extend(tally(app, names, (full, short), &of_kind));
    }
    let operators: Vec<_> = app.snapshot.operators.iter().map(|o| o.health).collect();
    spans.extend(tally(app, names, ("operators", "ops"), &operators));
    // the last gap is nobody's
    if let Some(last) = spans.last_mut() {
        last.content = last.content.trim_end().to_owned().into();
    }
    spans
}

/// `rpc ✓ 2/2`: how many answer, and the worst of them as a sign.
fn tally(app: &App, names: Names, (full, short): (&str, &str), all: &[Health]) -> Vec<Span<'static>> {
    if all.is_empty() {
        return vec![];
    }
    let up = all.iter().filter(|h| **h == Health::Up).count();
    let worst = all.iter().max().copied().unwrap_or(Health::Unknown);
    let status = status::health(worst);
    let sign = status.sign.glyph(app.settings.ascii);
    let (name, count, gap) = match names {
        Names::Full => (full, format!(" {up}/{}", all.len()), "  "),
        Names::Short => (short, format!(" {up}/{}", all.len()), "  "),
        Names::Signs => (short, String::new(), " "),
    };
    vec![
        Span::styled(format!("{name} "), app.style(Token::Muted)),
        Span::styled(format!("{sign}{count}{gap}"), app.style(status.token)),
    ]
}

/// What was approved and can still be stopped, on every screen.
pub(crate) fn leaving(app: &App) -> Option<String> {
    let leaving = crate::summary::leaving(&app.snapshot);
    // what was held by a check that somebody did not let pass is said as well: its countdown ended, and it did not leave
    let held = app.snapshot.actions.iter().filter(|action| {
        let is_held = || action.undo.is_some_and(|undo| undo.until.is_none());
        !action.is_proposed() && is_held() && action.held_until_known().is_some()
    });
    let said = leaving.into_iter().chain(held).filter_map(|action| {
        let leaves = action.leaves(app.clock())?;
        Some((action.id, format!("{} {leaves}", action.id)))
    });
    let refreshing = crate::summary::refreshing(&app.snapshot);
    let refreshing = refreshing.map(|(action, it)| (action.id, format!("{} is {it}", action.id)));
    let said: Vec<_> = said.chain(refreshing).collect();
    let key = app.settings.keys.label(Group::Work, Command::TakeBack);
    let sign = Sign::Warn.glyph(app.settings.ascii);
    let taken = app.undoable();
    // whose approval the key means is not left to be guessed: what is in front may be held, and is not said here
    let whose = match &said[..] {
        [] => return None,
        [(only, _)] => taken
            .filter(|taken| taken.id == *only)
            .map(|taken| taken.its_approvals().to_owned()),
        _ => None,
    };
    let whose = whose.or_else(|| Some(format!("that of {}", taken?.id)));
    let said: Vec<_> = said.into_iter().map(|(_, words)| words).collect();
    let said = said.join(", ");
    Some(match whose {
        // first, because what is too long is cut at its end
        Some(whose) if !key.is_empty() => format!("{sign} {key} takes {whose} back: {said}"),
        _ => format!("{sign} {said}"),
    })
}

/// Everything that a person should know, the worst first.
pub(crate) fn alarms(app: &App) -> Vec<(Token, String)> {
    let snapshot = &app.snapshot;
    let mut waits: Vec<_> = snapshot.waits.iter().filter(|wait| is_news(app, wait)).collect();
    waits.sort_by_key(|wait| std::cmp::Reverse(wait.urgency()));
    let unwritable = snapshot.journal.unwritable.as_ref();
    let unwritable =
        unwritable.map(|why| format!("the journal cannot be written, so nothing is sent: {why}"));
    let waits = waits.into_iter().map(|wait| {
        let token = match wait.reason.severity() {
            Severity::Critical => Token::Danger,
            _ => Token::Warn,
        };
        let words = match wait.subject().as_str() {
            "-" => wait.sentence.to_string(),
            // its sentence names it
            _ if wait.case.is_none() => wait.sentence.to_string(),
            subject => format!("{subject}: {}", wait.sentence),
        };
        (token, words)
    });
    let danger = |words: String| (Token::Danger, words);
    let alarms = snapshot.alarms.iter().map(|alarm| danger(alarm.to_string()));
    let mut told: Vec<(Token, String)> = Vec::new();
    for (token, words) in unwritable.map(danger).into_iter().chain(waits).chain(alarms) {
        if !told.iter().any(|(_, other)| *other == words) {
            told.push((token, words));
        }
    }
    told
}

/// The worst thing that a person should know, as much of it as fits, and how many more there are.
fn alarm(app: &App, columns: usize) -> Option<Line<'static>> {
    let told = alarms(app);
    let (token, worst) = told.first()?;
    let more = more(app, told.len());
    let room = alarm_room(app, columns, &more);
    let worst = fit(&clean(worst), room, app.settings.ascii).into_owned();
    let text = format!(" {} {worst}{more}", Sign::Warn.glyph(app.settings.ascii));
    Some(Line::from(Span::styled(text, app.style(*token))))
}

fn more(app: &App, alarms: usize) -> String {
    match alarms {
        0 | 1 => String::new(),
        n => format!(
            "  (and {} more: {} shows all)",
            n - 1,
            app.settings.keys.label(Group::Global, Command::Status)
        ),
    }
}

/// How many more there are, and the key that shows them, is not what the edge cuts off.
fn alarm_room(app: &App, columns: usize, more: &str) -> usize {
    columns.saturating_sub(width(Sign::Warn.glyph(app.settings.ascii)) + width(more) + 2)
}

/// Whether a remark of the header ends before its text.
pub(crate) fn is_cut(app: &App, columns: usize) -> bool {
    let told = alarms(app);
    let worst = told.first().map_or(0, |(_, worst)| width(&clean(worst)));
    worst > alarm_room(app, columns, &more(app, told.len()))
        || leaving(app).is_some_and(|text| width(&text) + 1 > columns)
}

/// Decisions have the badge, and mode and pause a place of their own.
const HAVE_A_PLACE: [WaitReason; 7] = [
    WaitReason::Decision,
    WaitReason::ExitDecision,
    WaitReason::SecondPerson,
    WaitReason::Policy,
    WaitReason::Observing,
    WaitReason::Paused,
    WaitReason::ModeSwitched,
];

/// What the rest of the header does not say, once it has lasted for longer than is usual.
fn is_news(app: &App, wait: &Wait) -> bool {
    let has_a_place = HAVE_A_PLACE.contains(&wait.reason);
    let matters = wait.reason.severity() > Severity::Info || wait.reason.stops().is_wide();
    !has_a_place && matters && wait.since.plus(wait.reason.usual_for()) <= app.clock()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::tests::fixture::app;
    use crate::fixture::unread;

    /// Nothing that a person has to know is left out: whatever it is, the header has a line or another place for it.
    #[test]
    fn every_reason_that_matters_has_its_line() {
        for reason in WaitReason::ALL {
            let waits = vec![Wait::new(*reason, "it is so")];
            let app = app(casimir_dkg::view::Snapshot { waits, ..unread() });
            let line = alarm(&app, 300).map(|line| line.to_string());
            let info = reason.severity() == Severity::Info && !reason.stops().is_wide();
            match HAVE_A_PLACE.contains(reason) || info {
                true => assert_eq!(line, None, "{reason}"),
                false => assert!(line.is_some_and(|line| line.contains("it is so")), "{reason}"),
            }
        }
    }

    /// What lags tells old blocks as they come: neither time stands for the other.
    #[test]
    fn a_head_that_came_just_now_is_not_called_new_where_its_block_is_old() {
        let told = |came: u64, old: Option<u64>| {
            let mut snapshot = crate::console::tests::fixture::quiet();
            snapshot.chain.head_at = Some(crate::console::tests::fixture::ago(came));
            snapshot.chain.head_time = old.map(crate::console::tests::fixture::ago);
            let app = app(snapshot);
            [true, false].map(|wide| {
                let text: String = chain(&app, wide)
                    .iter()
                    .map(|span| span.content.to_string())
                    .collect();
                text.rsplit_once("  ").unwrap().1.to_owned()
            })
        };
        assert_eq!(told(0, Some(20)), ["came just now, 20 s old", "20 s old"]);
        assert_eq!(told(3, Some(23)), ["came 3 s ago, 23 s old", "23 s old"]);
        assert_eq!(told(0, Some(2)), ["just now", "just now"]);
        assert_eq!(
            told(0, None),
            ["just now", "just now"],
            "an older engine does not tell"
        );
    }

    #[test]
    fn the_worst_comes_first() {
        use WaitReason as Reason;
        let of = |reason: Reason| Wait::new(reason, format!("it is {reason}"));
        let waits = vec![
            of(Reason::EndpointDown),
            of(Reason::Attention),
            of(Reason::RelayAway),
        ];
        let app = app(casimir_dkg::view::Snapshot { waits, ..unread() });
        let line = alarm(&app, 300).unwrap().to_string();
        assert!(
            line.contains("it is messenger-away") && line.contains("and 2 more"),
            "{line}"
        );
    }
}
