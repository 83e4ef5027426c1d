//! The matrix of a ceremony: a row for each operator, a column for each round, and in words what each one said last.
//!
//! ```text
//! keygen for deposit/3, attempt 1, 3 of 4: round 2, 48 s left
//! operator          start    prepare  round 1  round 2  deposit  output   state       last message
//!  1 alpha          ✓ 0.0 s  ✓ 0.1 s  ✓ 0.3 s  ◐                          working 2 s round 1 sent
//! ```

use casimir_dkg::types::{CeremonyKind, OperatorId, OperatorProgress, OperatorState, Round};
use casimir_dkg::view::CeremonyView;
use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use crate::console::app::App;
use crate::console::theme::Token;
use crate::console::widgets::sign::{Sign, spinner};
use crate::console::widgets::text::{clean, fit, width};
use crate::console::widgets::{format, status};

/// Lines that the matrix takes.
pub(super) fn height(ceremony: &CeremonyView) -> u16 {
    2 + ceremony.operators.len() as u16
}

/// Draws as much of it as fits.
pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, app: &App, ceremony: &CeremonyView) {
    for (row, line) in area.rows().zip(lines(app, ceremony, area.width)) {
        frame.render_widget(line, row);
    }
}

/// The first round of which somebody's message is still missing.
pub(super) fn present_round(ceremony: &CeremonyView) -> Option<Round> {
    ceremony.rounds.iter().copied().find(|round| {
        ceremony
            .operators
            .iter()
            .any(|(id, o)| expected(ceremony, *id, *round) && !o.seen.contains_key(round))
    })
}

/// Whether the protocol asks this operator for a message in this round: in a reshare the old committee deals and the new
/// one receives.
fn expected(ceremony: &CeremonyView, operator: OperatorId, round: Round) -> bool {
    if ceremony.kind != CeremonyKind::Reshare {
        return true;
    }
    match round {
        Round::Round1 => ceremony.old_committee.contains(&operator),
        Round::Round2 => ceremony.committee.contains(&operator),
        _ => true,
    }
}

/// The lines of the matrix at that width.
pub(super) fn lines(app: &App, ceremony: &CeremonyView, columns: u16) -> Vec<Line<'static>> {
    let shape = Shape::of(ceremony, usize::from(columns));
    let mut out = vec![
        title(app, ceremony, usize::from(columns)),
        shape.header(app, ceremony),
    ];
    for (id, progress) in &ceremony.operators {
        out.push(shape.row(app, ceremony, *id, progress));
    }
    out
}

fn title(app: &App, ceremony: &CeremonyView, columns: usize) -> Line<'static> {
    let mut text = format!(" {} for {}", ceremony.kind, ceremony.case);
    if !ceremony.what.as_str().is_empty() {
        text.push_str(&format!(" ({})", ceremony.what));
    }
    text.push_str(&format!(
        ", {} of {}",
        ceremony.threshold,
        ceremony.committee.len()
    ));
    if ceremony.attempt > 1 {
        text.push_str(&format!(", attempt {}", ceremony.attempt));
    }
    let state = status::ceremony(ceremony);
    let rest = match &ceremony.ended {
        Some(_) => state.word.to_owned(),
        None => {
            let round = present_round(ceremony)
                .map_or_else(|| "waiting for the result".to_owned(), |r| r.to_string());
            match ceremony.deadline {
                Some(deadline) => format!("{round}, {} left", format::age(deadline.since(app.now.wall))),
                None => round,
            }
        }
    };
    let ascii = app.settings.ascii;
    let room = columns.saturating_sub(width(&rest) + 4);
    Line::from(vec![
        Span::styled(
            fit(&clean(&text), room, ascii).into_owned(),
            app.style(Token::Text),
        ),
        Span::styled(format!(": {rest}"), app.style(state.token)),
    ])
}

/// Less than this is no room for a message.
const NOTE: usize = 12;

/// Widths of the parts.
struct Shape {
    name: usize,
    /// Width of a round's column; times are left out when they do not fit.
    round: usize,
    state: usize,
    note: usize,
}

impl Shape {
    fn of(ceremony: &CeremonyView, columns: usize) -> Self {
        let rounds = ceremony.rounds.len();
        let roles = usize::from(ceremony.kind == CeremonyKind::Reshare) * 8;
        // what was said last is worth more than the time each round took; that is in the detail view
        let shapes = [
            (18, 8, 13),
            (14, 8, 13),
            (12, 6, 13),
            (12, 4, 13),
            (10, 3, 13),
            (8, 3, 9),
        ];
        for least_note in [NOTE, 0] {
            for (name, round, state) in shapes {
                let used = name + roles + rounds * round + state + 2;
                if used + least_note <= columns {
                    return Self {
                        name,
                        round,
                        state,
                        note: columns - used,
                    };
                }
            }
        }
        Self {
            name: 6,
            round: 3,
            state: 0,
            note: 0,
        }
    }

    fn header(&self, app: &App, ceremony: &CeremonyView) -> Line<'static> {
        let mut text = format!(" {:<1$}", "operator", self.name);
        if ceremony.kind == CeremonyKind::Reshare {
            text.push_str(&format!("{:<8}", "role"));
        }
        for round in &ceremony.rounds {
            let word = match (round, self.round) {
                (Round::Started, 6..) => "start",
                (Round::Started, _) => "st",
                (Round::Preparation, 8..) => "prepare",
                (Round::Preparation, 6..) => "prep",
                (Round::Preparation, _) => "pr",
                (Round::Round1, 8..) => "round 1",
                (Round::Round1, _) => "r1",
                (Round::Round2, 8..) => "round 2",
                (Round::Round2, _) => "r2",
                (Round::DepositData, 8..) => "deposit",
                (Round::DepositData, 6..) => "depos",
                (Round::DepositData, _) => "dd",
                (Round::Output, 8..) => "output",
                (Round::Output, 6..) => "outp",
                (Round::Output, _) => "ou",
            };
            text.push_str(&format!("{word:<0$}", self.round));
        }
        if self.state > 0 {
            text.push_str(&format!("{:<1$}", "state", self.state));
        }
        if self.note >= NOTE {
            text.push_str("last message");
        }
        Line::from(Span::styled(text, app.style(Token::Muted)))
    }

    fn row(
        &self,
        app: &App,
        ceremony: &CeremonyView,
        id: OperatorId,
        progress: &OperatorProgress,
    ) -> Line<'static> {
        let ascii = app.settings.ascii;
        let mut spans = vec![self.name(app, id)];
        if ceremony.kind == CeremonyKind::Reshare {
            spans.push(Span::styled(
                format!("{:<8}", role(ceremony, id)),
                app.style(Token::Muted),
            ));
        }
        let mut before = ceremony.started_at;
        for round in &ceremony.rounds {
            let (token, text) = match progress.seen.get(round) {
                Some(at) => {
                    let took = at.since(before);
                    before = *at;
                    let time = if self.round >= 8 {
                        format!(" {}", format::short(took))
                    } else {
                        String::new()
                    };
                    (Token::Ok, format!("{}{time}", Sign::Ok.glyph(ascii)))
                }
                None if !expected(ceremony, id, *round) => (Token::Muted, Sign::Idle.glyph(ascii).to_owned()),
                None => open_cell(app, ceremony, progress, *round),
            };
            let text = fit(&text, self.round.saturating_sub(1), ascii).into_owned();
            let pad = self.round - width(&text);
            spans.push(Span::styled(
                format!("{text}{}", " ".repeat(pad)),
                app.style(token),
            ));
        }
        if self.state > 0 {
            let state = status::operator(progress.state);
            let waited = match progress.state {
                OperatorState::Working if ceremony.ended.is_none() && self.state >= 13 => {
                    let since = progress
                        .seen
                        .values()
                        .max()
                        .copied()
                        .unwrap_or(ceremony.started_at);
                    format!(" {}", format::age(app.now.wall.since(since)))
                }
                _ => String::new(),
            };
            let text = fit(&format!("{}{waited}", state.word), self.state - 1, ascii).into_owned();
            let pad = self.state - width(&text);
            spans.push(Span::styled(
                format!("{text}{}", " ".repeat(pad)),
                app.style(state.token),
            ));
        }
        if self.note >= NOTE {
            let note = clean(progress.note.as_str()).into_owned();
            spans.push(Span::styled(
                fit(&note, self.note, ascii).into_owned(),
                app.style(Token::Muted),
            ));
        }
        Line::from(spans)
    }

    fn name(&self, app: &App, id: OperatorId) -> Span<'static> {
        let operator = app.snapshot.operators.iter().find(|o| o.id == id);
        let name = operator
            .map(|o| clean(o.name.as_str()).into_owned())
            .unwrap_or_default();
        let text = format!("{id:>3} {name}");
        let text = fit(&text, self.name - 1, app.settings.ascii).into_owned();
        let pad = self.name - width(&text);
        Span::styled(format!(" {text}{}", " ".repeat(pad)), app.style(Token::Text))
    }
}

/// A round of which this operator's message is not there.
fn open_cell(
    app: &App,
    ceremony: &CeremonyView,
    progress: &OperatorProgress,
    round: Round,
) -> (Token, String) {
    let ascii = app.settings.ascii;
    let next = ceremony.rounds.iter().find(|r| !progress.seen.contains_key(r));
    let here = next == Some(&round);
    match (progress.state, here) {
        (OperatorState::Missing | OperatorState::Blamed, true) => {
            (Token::Danger, Sign::Fail.glyph(ascii).to_owned())
        }
        (OperatorState::Failing, true) => (Token::Warn, Sign::Warn.glyph(ascii).to_owned()),
        (OperatorState::Working, true) if ceremony.ended.is_none() => (
            Token::Pending,
            spinner(app.now.mono, app.settings.animations, ascii).to_owned(),
        ),
        _ => (Token::Muted, String::new()),
    }
}

fn role(ceremony: &CeremonyView, id: OperatorId) -> &'static str {
    match (
        ceremony.old_committee.contains(&id),
        ceremony.committee.contains(&id),
    ) {
        (true, true) => "old+new",
        (true, false) => "old",
        (false, true) => "new",
        (false, false) => "",
    }
}
