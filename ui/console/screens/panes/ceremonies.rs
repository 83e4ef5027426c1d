//! Ceremonies: running ones first, and beneath them the matrix of the selected one.

use casimir_dkg::types::present_step;
use casimir_dkg::view::{CeremonyEnd, CeremonyView, ListKind, RowId};
use ratatui::Frame;
use ratatui::layout::Rect;

use super::{Describe, Names, Place, Standing};
use crate::console::app::{App, Known, Stack};
use crate::console::screens::{detail, matrix};
use crate::console::theme::Token;
use crate::console::widgets::page::Page;
use crate::console::widgets::sign::spinner;
use crate::console::widgets::table::{Cell, Column, fixed, number, rest};
use crate::console::widgets::{format, status};

#[derive(Debug)]
pub(super) struct Ceremonies;

const COLUMNS: &[Column] = &[
    fixed("state", 13, 0),
    fixed("kind", 7, 1),
    fixed("case", 11, 0),
    fixed("committee", 9, 4),
    number("took", 7, 3),
    rest("", 12, 2),
];

impl Describe for Ceremonies {
    type Row = CeremonyView;

    fn names(&self) -> Names {
        Names {
            shortest: "dkg",
            ..Names::of("ceremonies")
        }
    }

    fn empty(&self) -> &'static str {
        "No ceremonies yet. Key generations, reshares and signings run here, operator by operator."
    }

    fn columns(&self, _: bool) -> &'static [Column] {
        COLUMNS
    }

    fn rows<'a>(&self, known: Known<'a>) -> Stack<'a, CeremonyView> {
        known.ceremonies()
    }

    fn kind(&self) -> Option<ListKind> {
        Some(ListKind::Ceremonies)
    }

    fn id(&self, ceremony: &CeremonyView) -> RowId {
        RowId::Ceremony(ceremony.id)
    }

    fn standing(&self, ceremony: &CeremonyView) -> Standing {
        match (&ceremony.ended, &ceremony.doubt) {
            (Some(_), _) => Standing::Over,
            // its result may be looked for through days, while others run
            (None, Some(_)) => Standing::Open,
            (None, None) => Standing::Runs,
        }
    }

    fn sorts(&self) -> &'static [&'static str] {
        &["age", "time taken", "kind", "pool"]
    }

    fn place(&self, ceremony: &CeremonyView, by: usize) -> Place {
        let ended = ceremony.ended.as_ref();
        let took = ended.map(|(at, _)| at.since(ceremony.started_at).as_millis() as i128);
        match by {
            0 => Place::up(ceremony.started_at.0),
            // what runs takes longest
            1 => Place::down(took.unwrap_or(i128::MAX)),
            2 => Place::word(ceremony.kind),
            _ => Place::up(ceremony.case.pool.0),
        }
    }

    fn search(&self, ceremony: &CeremonyView) -> String {
        let end = match &ceremony.ended {
            None => "running",
            Some((_, CeremonyEnd::Verified { .. })) => "verified",
            Some(_) => "failed",
        };
        format!(
            "{} {} {} {} {end}",
            ceremony.id, ceremony.case, ceremony.kind, ceremony.what
        )
    }

    fn cells(&self, app: &App, ceremony: &CeremonyView, _: bool) -> Vec<Cell> {
        let state = status::ceremony(ceremony);
        let running = ceremony.ended.is_none() && ceremony.doubt.is_none();
        let sign = if running {
            spinner(app.now.mono, app.settings.animations, app.settings.ascii)
        } else {
            state.sign.glyph(app.settings.ascii)
        };
        let end = ceremony.ended.as_ref().map_or(app.clock(), |(at, _)| *at);
        vec![
            Cell::new(state.token, format!("{sign} {}", state.word)),
            Cell::new(Token::Text, ceremony.kind),
            Cell::new(
                if running { Token::Emphasis } else { Token::Muted },
                ceremony.case,
            ),
            Cell::new(
                Token::Muted,
                format!("{} of {}", ceremony.threshold, ceremony.committee.len()),
            ),
            Cell::new(Token::Muted, format::short(end.since(ceremony.started_at))),
            Cell::new(if running { Token::Text } else { Token::Muted }, words(ceremony)),
        ]
    }

    fn page(&self, page: &mut Page<'_>, app: &App, ceremony: &CeremonyView) -> Option<String> {
        detail::ceremony::build(page, app, ceremony);
        Some(format!("{} for {}", ceremony.kind, ceremony.case))
    }

    fn copyable(&self, ceremony: &CeremonyView) -> Vec<(String, String)> {
        vec![("request id and topic".to_owned(), ceremony.id.to_string())]
    }

    fn height_beneath(&self, ceremony: &CeremonyView) -> u16 {
        matrix::height(ceremony)
    }

    fn draw_beneath(&self, frame: &mut Frame<'_>, area: Rect, app: &App, ceremony: &CeremonyView) {
        matrix::draw(frame, area, app, ceremony);
    }
}

/// Where it stands, or how it ended.
fn words(ceremony: &CeremonyView) -> String {
    let attempt = if ceremony.attempt > 1 {
        format!("attempt {}: ", ceremony.attempt)
    } else {
        String::new()
    };
    match &ceremony.ended {
        None if ceremony.doubt.is_some() => {
            let reason = ceremony.doubt.as_ref().map_or("", |(_, reason)| reason.as_str());
            format!("{attempt}looked for: {reason}")
        }
        None => {
            let Some((step, missing)) = present_step(&ceremony.steps, &ceremony.operators) else {
                return format!("{attempt}waiting for the result");
            };
            let of = step.senders.len();
            match of.saturating_sub(missing.len()) {
                // it has not begun: nobody is behind
                0 => format!("{attempt}{}", step.title),
                sent => format!("{attempt}{}, {sent} of {of} sent", step.title),
            }
        }
        Some((_, CeremonyEnd::Verified { validator })) if ceremony.what.as_str().is_empty() => {
            format!("{attempt}{validator}")
        }
        Some((_, CeremonyEnd::Verified { .. })) => format!("{attempt}{}", ceremony.what),
        Some((_, CeremonyEnd::Failed(failure))) => format!("{attempt}{}", failure.reason),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::console::tests::fixture::running;

    #[test]
    fn the_messages_of_the_present_step_are_counted_and_none_of_one_that_has_not_begun() {
        let mut view = running();
        let (step, missing) = present_step(&view.steps, &view.operators).expect("it runs");
        let (title, of, missing) = (step.title.clone(), step.senders.len(), missing.len());
        assert!(missing < of, "some have sent");
        assert_eq!(words(&view), format!("{title}, {} of {of} sent", of - missing));
        for row in view.operators.values_mut() {
            row.seen.clear();
        }
        assert_eq!(words(&view), view.steps[0].title.as_str());
        let last = view.steps.last().expect("steps").id.clone();
        for row in view.operators.values_mut() {
            row.seen.insert(last.clone(), view.started_at);
        }
        assert_eq!(words(&view), "waiting for the result");
    }
}
