//! The matrix of a ceremony: a row for each operator, a column for each step, and in words what each one said last.
//!
//! ```text
//! reshare for reshare/1, 3 of 4: round 2 ▰▰▰▱▱▱▱▱▱▱ 48 s left
//! operator          role    start   prepare round 1 round 2 output  state        last message
//!   1 alpha         old+new ✓ 0.0 s ✓ 0.1 s ✓ 0.3 s ◐               working 2 s  round 1
//!   3 charlie       old     ✓ 0.0 s ·       ✓ 0.3 s ·       ·       done         round 1
//! ```
//!
//! | sign | means |
//! |---|---|
//! | `✓` | its message of this step was seen, and after what time since its one before |
//! | `?` | it was not seen here, and a later one of the same operator proves that it was sent |
//! | `◐` `!` `✗` | the step that it is at: working, failing, missing or blamed; after a failure the step in which it caused that |
//! | `·` | it is not asked for a message of this step |
//!
//! Whoever the others wait for is marked; those who wait are not. After a failure those who caused it are named.

use std::time::Duration;

use casimir_dkg::types::{
    CeremonyKind, CeremonyStep, OperatorId, OperatorProgress, OperatorState, UnixMillis, present_step,
};
use casimir_dkg::view::{CeremonyEnd, CeremonyView};
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

/// The step that it waits for.
fn present(ceremony: &CeremonyView) -> Option<&CeremonyStep> {
    present_step(&ceremony.steps, &ceremony.operators).map(|(step, _)| step)
}

/// The lines of the matrix at that width.
pub(super) fn lines(app: &App, ceremony: &CeremonyView, columns: u16) -> Vec<Line<'static>> {
    let shape = Shape::of(app, ceremony, usize::from(columns));
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
        Some((_, CeremonyEnd::Failed(failure))) if !failure.culprits.is_empty() => {
            format!("{}, because of {}", state.word, names(app, &failure.culprits))
        }
        Some(_) => state.word.to_owned(),
        None => {
            let step = present(ceremony).map_or("waiting for the result", |step| step.title.as_str());
            match ceremony.deadline {
                Some(deadline) => {
                    let left = left(app, deadline);
                    match columns >= GAUGED {
                        true => format!("{step} {} {left}", gauge(app, ceremony, deadline)),
                        false => format!("{step}, {left}"),
                    }
                }
                None => step.to_owned(),
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

fn left(app: &App, deadline: UnixMillis) -> String {
    match deadline > app.clock() {
        true => format!("{} left", format::passing(deadline.since(app.clock()))),
        false => "its time is up".to_owned(),
    }
}

/// Less wide there is no room for a gauge.
const GAUGED: usize = 70;

/// How much of the present round's time has passed: it began with the last message before it.
fn gauge(app: &App, ceremony: &CeremonyView, deadline: UnixMillis) -> String {
    const CELLS: u64 = 10;
    let began = newest_message(ceremony);
    let whole = deadline.since(began).as_millis().max(1) as u64;
    let gone = app.clock().since(began).as_millis() as u64;
    let full = (gone.saturating_mul(CELLS) / whole).min(CELLS) as usize;
    let (done, ahead) = if app.settings.ascii {
        ("#", ".")
    } else {
        ("▰", "▱")
    };
    done.repeat(full) + &ahead.repeat(CELLS as usize - full)
}

/// `4 delta, 5 echo`
fn names(app: &App, ids: &[OperatorId]) -> String {
    let name = |id: &OperatorId| {
        let known = app.snapshot.operators.iter().find(|o| o.id == *id);
        let name = known.map(|o| o.name.as_str()).unwrap_or_default();
        format!("{id} {name}").trim_end().to_owned()
    };
    ids.iter().map(name).collect::<Vec<_>>().join(", ")
}

/// What an operator is to the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    /// The others wait for its message, or it caused the failure.
    HoldsUp,
    /// It has done its part and waits, or waited in vain.
    Waits,
    /// As its state says.
    Open,
}

/// When the newest message came, or it was started.
fn newest_message(ceremony: &CeremonyView) -> UnixMillis {
    let seen = ceremony.operators.values().flat_map(|row| row.seen.values());
    seen.max().copied().unwrap_or(ceremony.started_at)
}

/// Messages of a step never come all at once: nobody is late before the others have waited for this long.
const LATE: Duration = Duration::from_secs(1);

/// How long the others have waited by now, since the newest message came.
fn waited(app: &App, ceremony: &CeremonyView) -> Duration {
    app.clock().since(newest_message(ceremony))
}

/// While nobody has sent the message of a step, everybody works on it, and nobody is waited for.
fn part(app: &App, ceremony: &CeremonyView, id: OperatorId) -> Part {
    let (by, is_known) = match &ceremony.ended {
        Some((_, CeremonyEnd::Failed(failure))) => (failure.culprits.clone(), !failure.culprits.is_empty()),
        Some(_) => return Part::Open,
        None => match present_step(&ceremony.steps, &ceremony.operators) {
            Some((step, missing)) => {
                let some_sent = missing.len() < step.senders.len();
                (missing, some_sent)
            }
            None => return Part::Open,
        },
    };
    match (is_known, by.contains(&id)) {
        (true, true) if ceremony.ended.is_none() && waited(app, ceremony) < LATE => Part::Open,
        (true, true) => Part::HoldsUp,
        (true, false) => Part::Waits,
        (false, _) => Part::Open,
    }
}

/// Less than this is no room for a message.
const NOTE: usize = 12;

/// A step's column with its time, `✓ 310 ms`.
const TIMED: usize = 9;

/// A state with how long, as long as that is short.
const STATE: usize = 13;

/// Widths of the parts: as much as is written in them, where there is room for that.
struct Shape {
    name: usize,
    /// Width of a step's column; times are left out when they do not fit.
    step: usize,
    state: usize,
    note: usize,
    /// With so many bytes all names begin alike, which goes first where a name is cut.
    alike: usize,
}

/// How many bytes the names of all operators have in front that are the same, in whole words.
fn alike(app: &App, ceremony: &CeremonyView) -> usize {
    let names: Vec<String> = ceremony.operators.keys().map(|id| name_of(app, *id)).collect();
    let Some((first, rest)) = names.split_first().filter(|(_, rest)| !rest.is_empty()) else {
        return 0;
    };
    let same = |end: &usize| rest.iter().all(|name| name.starts_with(&first[..*end]));
    let ends = first.match_indices(' ').map(|(at, _)| at + 1);
    ends.filter(same).max().unwrap_or(0)
}

impl Shape {
    fn of(app: &App, ceremony: &CeremonyView, columns: usize) -> Self {
        let steps = ceremony.steps.len();
        let all = ceremony.operators.iter();
        let names = all.clone().map(|(id, _)| width(&named(app, *id)) + 2);
        let states = all.map(|(id, progress)| width(&state_of(app, ceremony, *id, progress, true).1) + 1);
        let whole = (
            names.max().unwrap_or(0).max(18),
            states.max().unwrap_or(0).max(STATE),
        );
        let roles = usize::from(ceremony.kind == CeremonyKind::Reshare) * 8;
        // what was said last is worth more than the time each step took; that is in the detail view
        let shapes = [
            (whole.0, TIMED, whole.1),
            (18, TIMED, whole.1),
            (14, TIMED, whole.1),
            (12, 6, whole.1),
            (12, 4, STATE),
            (10, 3, STATE),
            (8, 3, 9),
        ];
        for least_note in [NOTE, 0] {
            for (name, step, state) in shapes {
                let used = name + roles + steps * step + state + 2;
                if used + least_note <= columns {
                    return Self {
                        name,
                        step,
                        state,
                        note: columns - used,
                        alike: alike(app, ceremony),
                    };
                }
            }
        }
        Self {
            name: 6,
            step: 3,
            state: 0,
            note: 0,
            alike: alike(app, ceremony),
        }
    }

    fn header(&self, app: &App, ceremony: &CeremonyView) -> Line<'static> {
        let mut text = format!(" {:<1$}", "operator", self.name);
        if ceremony.kind == CeremonyKind::Reshare {
            text.push_str(&format!("{:<8}", "role"));
        }
        for step in ceremony.steps.iter() {
            let word = step.title_within(self.step.saturating_sub(1));
            text.push_str(&format!("{word:<0$}", self.step));
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
        let broke = broke_in(ceremony, id);
        for (n, step) in ceremony.steps.iter().enumerate() {
            let (token, text) = match progress.seen.get(&step.id) {
                Some(at) => {
                    let took = at.since(before);
                    before = *at;
                    let time = if self.step >= TIMED {
                        format!(" {}", format::short(took))
                    } else {
                        String::new()
                    };
                    match broke == Some(step) {
                        true => (Token::Danger, format!("{}{time}", Sign::Fail.glyph(ascii))),
                        false => (Token::Ok, format!("{}{time}", Sign::Ok.glyph(ascii))),
                    }
                }
                None if broke.is_some() => match broke == Some(step) {
                    true => (Token::Danger, Sign::Fail.glyph(ascii).to_owned()),
                    false => (Token::Muted, String::new()),
                },
                None if !step.asks(id) => (Token::Muted, Sign::Idle.glyph(ascii).to_owned()),
                None => open_cell(app, ceremony, id, progress, n),
            };
            let text = fit(&text, self.step.saturating_sub(1), ascii).into_owned();
            let pad = self.step - width(&text);
            spans.push(Span::styled(
                format!("{text}{}", " ".repeat(pad)),
                app.style(token),
            ));
        }
        if self.state > 0 {
            let timed = self.state >= STATE;
            let (token, word) = state_of(app, ceremony, id, progress, timed);
            let text = fit(&word, self.state - 1, ascii).into_owned();
            let pad = self.state - width(&text);
            spans.push(Span::styled(
                format!("{text}{}", " ".repeat(pad)),
                app.style(token),
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
        let mut text = named(app, id);
        if width(&text) >= self.name {
            // "Operat…" in every row tells nobody apart
            let name = name_of(app, id);
            let own = name.get(self.alike..).filter(|own| *own != id.to_string());
            text = format!("{id:>3} {}", own.unwrap_or_default());
        }
        let text = fit(text.trim_end(), self.name - 1, app.settings.ascii).into_owned();
        let pad = self.name - width(&text);
        Span::styled(format!(" {text}{}", " ".repeat(pad)), app.style(Token::Text))
    }
}

/// Its state, with how long the others have waited for it already where there is room.
fn state_of(
    app: &App,
    ceremony: &CeremonyView,
    id: OperatorId,
    progress: &OperatorProgress,
    timed: bool,
) -> (Token, String) {
    let state = status::operator(progress.state);
    let is_over = ceremony.ended.is_some();
    let settled = matches!(progress.state, OperatorState::Done | OperatorState::Idle);
    match part(app, ceremony, id) {
        Part::HoldsUp if is_over => return (Token::Danger, "caused it".to_owned()),
        Part::HoldsUp if progress.state == OperatorState::Working => {
            let waited = format::age(waited(app, ceremony));
            let word = if timed {
                format!("late {waited}")
            } else {
                "late".to_owned()
            };
            return (Token::Warn, word);
        }
        Part::Waits if is_over && !settled => return (Token::Muted, "let down".to_owned()),
        Part::Waits if progress.state == OperatorState::Working => {
            return (Token::Muted, "waits".to_owned());
        }
        _ if is_over && progress.state == OperatorState::Working => return at_the_end(ceremony, id),
        _ => {}
    }
    let waited = match progress.state {
        OperatorState::Working if !is_over && timed => {
            let last = progress.seen.values().max().copied();
            let since = last.unwrap_or(ceremony.started_at);
            let works = app.clock().since(since);
            match works < LATE {
                true => String::new(),
                false => format!(" {}", format::age(works)),
            }
        }
        _ => String::new(),
    };
    (state.token, format!("{}{waited}", state.word))
}

/// Nobody works on what is over. Whose message was missing when it failed was silent, which blames nobody: it may have
/// been sent and lost.
fn at_the_end(ceremony: &CeremonyView, id: OperatorId) -> (Token, String) {
    let failed = matches!(ceremony.ended, Some((_, CeremonyEnd::Failed(_))));
    let (_, missing) = present_step(&ceremony.steps, &ceremony.operators).unzip();
    let silent = missing.is_some_and(|missing| missing.contains(&id));
    match (failed, silent) {
        (true, true) => (Token::Warn, "silent".to_owned()),
        (true, false) => (Token::Muted, "let down".to_owned()),
        (false, _) => (Token::Muted, "not heard".to_owned()),
    }
}

fn named(app: &App, id: OperatorId) -> String {
    format!("{id:>3} {}", name_of(app, id))
}

/// Empty where nobody knows it.
fn name_of(app: &App, id: OperatorId) -> String {
    let operator = app.snapshot.operators.iter().find(|o| o.id == id);
    let name = operator.map(|o| clean(o.name.as_str()).into_owned());
    name.unwrap_or_default()
}

/// The step in which this operator made it fail, where the failure says so. Whoever lies is seen to have sent that message,
/// and the step after it is not where it went wrong.
fn broke_in(ceremony: &CeremonyView, id: OperatorId) -> Option<&CeremonyStep> {
    let Some((_, CeremonyEnd::Failed(failure))) = &ceremony.ended else {
        return None;
    };
    let round = failure
        .round
        .as_ref()
        .filter(|_| failure.culprits.contains(&id))?;
    ceremony.steps.iter().find(|step| step.id == *round)
}

/// A step in which this operator is asked for a message that was not seen.
fn open_cell(
    app: &App,
    ceremony: &CeremonyView,
    id: OperatorId,
    progress: &OperatorProgress,
    n: usize,
) -> (Token, String) {
    let ascii = app.settings.ascii;
    let seen = |step: &CeremonyStep| progress.seen.contains_key(&step.id);
    if ceremony.steps[n..].iter().any(seen) {
        return (Token::Muted, Sign::Unknown.glyph(ascii).to_owned());
    }
    // everything after its newest message is open: it is at the first of those that it is asked for
    let newest = ceremony
        .steps
        .iter()
        .rposition(seen)
        .map_or(0, |newest| newest + 1);
    let here = (newest..n).all(|earlier| !ceremony.steps[earlier].asks(id));
    match (part(app, ceremony, id), here) {
        (Part::Waits, _) => return (Token::Muted, String::new()),
        (Part::HoldsUp, true) if ceremony.ended.is_none() && progress.state == OperatorState::Working => {
            return (Token::Warn, Sign::Warn.glyph(ascii).to_owned());
        }
        _ => {}
    }
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

#[cfg(test)]
mod tests {
    use casimir_dkg::types::StepId;

    use super::*;
    use crate::console::tests::fixture::recorded::{BLAMED, KEYGEN, RESHARE, Recording, SILENT};
    use crate::console::tests::fixture::{Setup, app_with, at_picture, busy};

    /// The matrix of each picture of a recording, as text.
    fn drawn(text: &str, ascii: bool) -> Vec<(CeremonyView, Option<StepId>, Vec<String>)> {
        let recording = Recording::read(text);
        let app = app_with(
            busy(),
            Setup {
                ascii,
                ..Setup::default()
            },
        );
        let draw = |picture| {
            let view = at_picture(&recording, picture);
            let lines = lines(&app, &view, 120).iter().map(ToString::to_string).collect();
            (view, picture.step.clone(), lines)
        };
        recording.pictures.iter().map(draw).collect()
    }

    #[test]
    fn the_title_names_the_step_that_is_waited_for() {
        for text in [KEYGEN, SILENT, BLAMED, RESHARE] {
            for (view, waits_for, lines) in drawn(text, false) {
                let step = waits_for.and_then(|id| view.steps.iter().find(|step| step.id == id));
                let words = step.map_or("waiting for the result", |step| step.title.as_str());
                assert!(lines[0].contains(&format!(": {words}")), "{words}: {}", lines[0]);
            }
        }
    }

    #[test]
    fn a_cell_says_that_nobody_asked_exactly_where_nobody_did() {
        for (ascii, not_asked) in [(false, '·'), (true, '.')] {
            for (view, _, lines) in [RESHARE, KEYGEN].iter().flat_map(|text| drawn(text, ascii)) {
                for ((id, _), row) in view.operators.iter().zip(&lines[2..]) {
                    for step in view.steps.iter() {
                        let column = lines[1].find(step.title_within(8)).expect("a column");
                        let cell = row.chars().nth(column).expect("a cell");
                        assert_eq!(
                            cell == not_asked,
                            !step.asks(*id),
                            "{} of {id}: {row}",
                            step.title
                        );
                    }
                }
            }
        }
    }

    #[test]
    fn whoever_is_waited_for_is_marked_and_the_innocent_are_not() {
        let mut view = crate::console::tests::fixture::running();
        let snapshot = busy();
        let mut app = crate::console::tests::fixture::app(snapshot);
        app.now.wall = newest_message(&view).plus(2 * LATE);
        let shown = |view: &CeremonyView| -> Vec<String> {
            lines(&app, view, 120).iter().map(ToString::to_string).collect()
        };
        let rows = shown(&view);
        let (late, waits): (Vec<&String>, Vec<&String>) =
            rows[2..].iter().partition(|row| row.contains("echo"));
        assert!(late[0].contains("late") && late[0].contains('!'), "{rows:#?}");
        assert!(
            waits
                .iter()
                .all(|row| row.contains("waits") && !row.contains('!')),
            "{rows:#?}"
        );
        assert!(rows[0].contains('▱'), "{rows:#?}");
        // where nobody has sent anything yet, nobody is late
        for row in view.operators.values_mut() {
            row.seen.clear();
        }
        let rows = shown(&view);
        assert!(rows[2..].iter().all(|row| row.contains("working")), "{rows:#?}");
    }

    #[test]
    fn nobody_is_late_within_a_second_and_no_time_reads_0_s() {
        let view = crate::console::tests::fixture::running();
        let mut app = crate::console::tests::fixture::app(busy());
        for (millis, late) in [
            (0, false),
            (31, false),
            (999, false),
            (1_000, true),
            (2_400, true),
        ] {
            app.now.wall = newest_message(&view).plus(Duration::from_millis(millis));
            for columns in [60, 120] {
                let rows: Vec<String> = lines(&app, &view, columns)
                    .iter()
                    .map(ToString::to_string)
                    .collect();
                let says = rows.iter().any(|row| row.contains("late"));
                assert_eq!(says, late, "{millis} ms, {columns} columns: {rows:#?}");
                assert!(rows.iter().all(|row| !row.contains(" 0 s")), "{rows:#?}");
            }
        }
        let deadline = view.deadline.expect("a round has one");
        let title = |app: &App| lines(app, &view, 120)[0].to_string();
        app.now.wall = UnixMillis(deadline.0 - 310);
        assert!(title(&app).contains("310 ms left"), "{}", title(&app));
        app.now.wall = deadline;
        assert!(title(&app).contains("its time is up"), "{}", title(&app));
    }

    #[test]
    fn after_a_time_out_the_culprit_is_named_and_nobody_else() {
        let view = crate::console::tests::fixture::timed_out();
        let Some((_, CeremonyEnd::Failed(failure))) = &view.ended else {
            panic!("it failed")
        };
        let app = crate::console::tests::fixture::app(busy());
        let rows: Vec<String> = lines(&app, &view, 120).iter().map(ToString::to_string).collect();
        assert!(rows[0].contains("because of"), "{rows:#?}");
        for (id, row) in view.operators.keys().zip(&rows[2..]) {
            let is_culprit = failure.culprits.contains(id);
            assert_eq!(row.contains("caused it"), is_culprit, "{rows:#?}");
            assert_eq!(row.contains('✗'), is_culprit, "{rows:#?}");
        }
    }

    #[test]
    fn the_sign_of_who_lied_stands_in_the_step_that_the_text_names() {
        let mut view = crate::console::tests::fixture::blamed();
        let app = crate::console::tests::fixture::app(busy());
        let steps: Vec<_> = view.steps.iter().map(|step| step.id.clone()).collect();
        for (n, step) in steps.iter().enumerate() {
            let Some((_, CeremonyEnd::Failed(failure))) = &mut view.ended else {
                panic!("it failed")
            };
            failure.round = Some(step.clone());
            let culprit = failure.culprits[0];
            let drawn: Vec<String> = lines(&app, &view, 120).iter().map(ToString::to_string).collect();
            let nth = view.operators.keys().position(|id| *id == culprit).unwrap();
            let row = &drawn[2 + nth];
            let shape = Shape::of(&app, &view, 120);
            let at: Vec<_> = row
                .chars()
                .enumerate()
                .filter(|(_, c)| *c == '✗')
                .map(|(at, _)| at)
                .collect();
            assert_eq!(at, [1 + shape.name + n * shape.step], "{n}: {drawn:#?}");
        }
    }

    #[test]
    fn nobody_works_on_a_ceremony_that_is_over_and_whoever_said_nothing_was_silent() {
        let mut view = crate::console::tests::fixture::timed_out();
        let Some((_, CeremonyEnd::Failed(failure))) = &mut view.ended else {
            panic!("it failed")
        };
        // nobody is blamed: there is no proof that it sent nothing
        let silent = std::mem::take(&mut failure.culprits);
        for row in view.operators.values_mut() {
            row.state = OperatorState::Working;
        }
        let app = crate::console::tests::fixture::app(busy());
        let rows: Vec<String> = lines(&app, &view, 120).iter().map(ToString::to_string).collect();
        for (id, row) in view.operators.keys().zip(&rows[2..]) {
            assert!(!row.contains("working"), "{rows:#?}");
            assert_eq!(row.contains("silent"), silent.contains(id), "{rows:#?}");
            assert_eq!(row.contains("let down"), !silent.contains(id), "{rows:#?}");
        }
    }

    #[test]
    fn names_that_begin_alike_are_told_apart_where_they_are_cut() {
        let view = crate::console::tests::fixture::running();
        let mut app = crate::console::tests::fixture::app(busy());
        let mut snapshot = busy();
        for operator in &mut snapshot.operators {
            operator.name = format!("Operator of house {}", operator.id).as_str().into();
        }
        app.snapshot = std::sync::Arc::new(snapshot);
        for columns in [40, 60, 90] {
            let rows: Vec<String> = lines(&app, &view, columns)
                .iter()
                .map(ToString::to_string)
                .collect();
            for (id, row) in view.operators.keys().zip(&rows[2..]) {
                assert!(row.trim_start().starts_with(&format!("{id} ")), "{rows:#?}");
                assert!(!row.contains("Operat"), "{columns}: {rows:#?}");
            }
        }
        let rows: Vec<String> = lines(&app, &view, 160).iter().map(ToString::to_string).collect();
        assert!(rows[2].contains("Operator of house"), "there is room: {rows:#?}");
    }

    #[test]
    fn who_leaves_is_done_when_it_has_dealt() {
        let pictures = drawn(RESHARE, false);
        let (_, _, lines) = pictures.last().expect("pictures");
        let row = lines
            .iter()
            .find(|line| line.contains(" old  "))
            .expect("it leaves");
        assert_eq!(row.matches('✓').count(), 2, "{row}");
        assert_eq!(row.matches('·').count(), 3, "{row}");
        assert!(row.contains("done"), "{row}");
    }

    #[test]
    fn a_message_that_was_not_seen_is_not_waited_for() {
        let recording = Recording::read(KEYGEN);
        let last = recording.pictures.last().expect("pictures");
        let mut picture = last.clone();
        for row in picture.operators.values_mut() {
            row.seen.remove(&recording.steps[1].id);
        }
        let app = app_with(busy(), Setup::default());
        let view = at_picture(&recording, &picture);
        let lines: Vec<String> = lines(&app, &view, 120).iter().map(ToString::to_string).collect();
        assert!(lines[0].contains(": waiting for the result"), "{}", lines[0]);
        assert!(
            lines[2..].iter().all(|row| row.matches('?').count() == 1),
            "{lines:#?}"
        );
    }
}
