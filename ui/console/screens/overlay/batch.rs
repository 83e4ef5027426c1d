//! Like actions on one page: what they share, where they differ, and a field for their number.
//!
//! ```text
//! ╭ approve 3 together ─────────────────────────────────────────────╮
//! │ Approve 3 actions of kind keygen on devnet (chain 31337)?        │
//! │ They share                                                       │
//! │ at stake    routine                                              │
//! │ They differ                                                      │
//! │ deposit/3#1  tiku-tufi-bomi-bofi  Create a validator key for …   │
//! │ Left out                                                         │
//! │ To approve each of them, type how many they are:  3              │
//! ╰─────────────────────────────────────────────────────────────────╯
//! ```

use alloy::primitives::U256;
use casimir_dkg::types::{Round, rounded_ether};
use casimir_dkg::view::{ActionView, CheckMark, Payload};
use ratatui::Frame;
use ratatui::layout::{Position, Rect};
use ratatui::text::{Line, Span};

use super::{middle, panel};
use crate::console::app::{App, Batch, Told};
use crate::console::theme::Token;
use crate::console::widgets::page::Page;
use crate::console::widgets::status;
use crate::console::widgets::text::{clean, wrap};
use crate::console::widgets::{format, sign::Sign};
use crate::summary;

/// Columns of a label at least.
const LABEL: usize = 14;

/// What stands before what only one action has.
const INDENT: &str = "  ";

pub(super) fn draw(frame: &mut Frame<'_>, area: Rect, app: &App, batch: &mut Batch) {
    let width = area.width.min(110);
    let columns = width.saturating_sub(4);
    batch.fit(columns);
    let lines = page(app, batch, columns);
    let mut foot = question(app, batch, usize::from(columns));
    let most = usize::from(area.height).saturating_sub(foot.len() + 2).max(1);
    let rows = lines.len().min(most);
    batch.height = rows;
    batch.max_scroll = lines.len() - rows;
    batch.scroll = batch.scroll.min(batch.max_scroll);
    let area = middle(area, width, (rows + foot.len() + 2) as u16);
    let more = if batch.scroll < batch.max_scroll {
        ", more below"
    } else {
        ""
    };
    let title = format!("approve {} together{more}", batch.actions.len());
    let mut shown: Vec<_> = lines.into_iter().skip(batch.scroll).take(rows).collect();
    let field = shown.len() + foot.len() - 1 - usize::from(batch.problem.is_some());
    shown.append(&mut foot);
    panel(frame, area, app, &title, shown);
    let x = area.x + 2 + batch.input.visual_cursor() as u16;
    let y = area.y + 1 + field as u16;
    if x < area.right() && y < area.bottom() {
        frame.set_cursor_position(Position::new(x, y));
    }
}

/// Everything that has to be on the screen before the number counts.
fn page(app: &App, batch: &Batch, columns: u16) -> Vec<Line<'static>> {
    let mut page = Page::new(app, columns);
    let network = &app.snapshot.network;
    let (money, token) = match network.mainnet {
        true => (": real money", Token::NetworkMain),
        false => ("", Token::Emphasis),
    };
    let kind = batch
        .actions
        .first()
        .map_or("nothing", |first| first.kind.as_str());
    let count = format::count(batch.actions.len(), "action", "actions");
    let text = format!(
        "{count} of kind {kind} on {} (chain {}){money}",
        network.name, network.chain_id
    );
    page.text(token, &text);
    let room = room(&page, batch);
    share(&mut page, batch, room);
    page.heading("They differ");
    for action in &batch.actions {
        differs(&mut page, app, batch, action, room);
    }
    if !batch.left_out.is_empty() {
        page.heading("Left out");
        for (id, why) in &batch.left_out {
            let sign = Sign::Fail.glyph(app.settings.ascii);
            page.item(sign, Token::Warn, &format!("{id}: {why}"));
        }
    }
    page.into_lines()
}

/// Columns of the labels: those of the longest, where the page has them.
fn room(page: &Page<'_>, batch: &Batch) -> usize {
    let shared = batch.shared().into_iter().map(|fact| fact.label.clone());
    let own = batch.actions.iter().flat_map(|action| {
        let facts = batch.own(action).into_iter();
        let facts = facts.map(|fact| format!("{INDENT}{}", fact.label));
        facts.chain([action.id.to_string()])
    });
    let labels: Vec<String> = shared.chain(own).collect();
    page.room_for(LABEL, labels.iter().map(String::as_str))
}

fn share(page: &mut Page<'_>, batch: &Batch, room: usize) {
    let Some(first) = batch.actions.first() else {
        return;
    };
    page.heading("They share");
    let (risk, token) = status::risk(first.risk);
    page.labelled(room, "at stake", token, risk);
    for fact in batch.shared() {
        let (token, mark) = told(&fact);
        page.labelled(room, &fact.label, token, &format!("{mark}{}", fact.value));
    }
    if batch.leaves_operators_out() {
        let text = "how each one answers and ranks is on the page of each action";
        page.labelled(room, "each operator", Token::Muted, text);
    }
    let all_pass = |action: &ActionView| action.checks_with(CheckMark::Pass).count() == action.checks.len();
    if batch.actions.iter().all(all_pass) {
        page.labelled(room, "checks", Token::Ok, "all of each pass");
    }
    let fees: Vec<U256> = batch.actions.iter().filter_map(ceiling).collect();
    if !fees.is_empty() {
        let sum = fees.iter().fold(U256::ZERO, |sum, fee| sum.saturating_add(*fee));
        let text = format!("at most {}, all together", rounded_ether(sum, Round::Up));
        page.labelled(room, "fees", Token::Emphasis, &text);
    }
}

/// How a fact is drawn: a warning is one here, too.
fn told(fact: &Told) -> (Token, &'static str) {
    match fact.warns {
        true => (Token::Warn, "! "),
        false => (Token::Text, ""),
    }
}

fn ceiling(action: &ActionView) -> Option<U256> {
    match &action.payload {
        Payload::Transaction(tx) => Some(tx.fee_ceiling_wei),
        Payload::Ceremony(_) | Payload::Exit(_) => None,
    }
}

/// An action: what it does, what two people compare, what only it has, and what of its checks does not pass.
fn differs(page: &mut Page<'_>, app: &App, batch: &Batch, action: &ActionView, room: usize) {
    let what = summary::shortened(action.title.as_str());
    let text = format!("{}  {what}", action.digest.code());
    page.labelled(room, &action.id.to_string(), Token::Emphasis, &text);
    for row in summary::warnings(action) {
        let label = format!("{INDENT}{}", row.label);
        page.labelled(room, &label, Token::Warn, &format!("! {}", row.text));
    }
    for fact in batch.own(action) {
        let (token, mark) = told(&fact);
        let text = format!("{mark}{}", summary::shortened(fact.value.as_str()));
        page.labelled(room, &format!("{INDENT}{}", fact.label), token, &text);
    }
    for row in summary::checks(action) {
        if let summary::Tone::Check(mark) = row.tone
            && mark != CheckMark::Pass
        {
            let status = status::check(mark);
            let sign = status.sign.glyph(app.settings.ascii);
            page.labelled(
                room,
                &format!("{INDENT}{sign} {}", status.word),
                status.token,
                &row.text,
            );
        }
    }
    if let Some(people) = &action.people {
        page.labelled(room, "  people", Token::Warn, &people.words());
    }
}

/// What is typed, at the lower edge whatever is scrolled.
fn question(app: &App, batch: &Batch, columns: usize) -> Vec<Line<'static>> {
    let say = |token, text: &str| -> Vec<Line<'static>> {
        let lines = wrap(&clean(text), columns).into_iter();
        lines
            .map(|line| Line::from(Span::styled(line, app.style(token))))
            .collect()
    };
    let mut out = vec![Line::default()];
    match batch.actions.len() {
        0 => out.extend(say(Token::Warn, "None of these can be approved now.")),
        _ if !batch.ready(app.now.mono, app.settings.grace) => {
            out.extend(say(Token::Muted, "a moment, please"));
        }
        n => out.extend(say(
            Token::Text,
            &format!("Each is decided for its own digest. To approve them, type how many they are ({n}):"),
        )),
    }
    let typed = clean(batch.input.value()).into_owned();
    out.push(Line::from(Span::styled(
        format!("{typed:<columns$}"),
        app.style(Token::Input),
    )));
    if let Some(problem) = &batch.problem {
        // one line, so that the field stays where the cursor is
        let text =
            crate::console::widgets::text::fit(&clean(problem), columns, app.settings.ascii).into_owned();
        out.push(Line::from(Span::styled(text, app.style(Token::Warn))));
    }
    out
}
