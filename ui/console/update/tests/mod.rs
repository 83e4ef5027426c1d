//! Update: keys and events in, effects and a changed model out.

mod batch;
mod closed;
mod decide;
mod desk;
mod director;
mod follow;
mod leave;
mod logs;
mod matters;
mod messages;
mod modes;
mod older;
mod past;
mod refreshing;
mod silent;
mod sort;
mod thousand;
mod two;
mod view;
mod whole;
mod work;

use std::sync::Arc;
use std::time::Duration;

use casimir_dkg::types::{OperatorId, UnixMillis};
use casimir_dkg::view::{
    Accepted, ActionState, ActionView, Can, CaseStatus, Payload, Refused, Request, RowId, Scope, Snapshot,
};
use ratatui::layout::Size;

use crate::console::ExitReason;
use crate::console::app::{Overlay, Tab, Target};
use crate::console::effect::Effect;
use crate::console::msg::{Event, Mouse};
use crate::console::screens::panes::{APPROVALS, CEREMONIES, EVENTS, EXITS, LOGS, TRANSACTIONS};
use crate::console::tests::fixture::{self, Driver, Setup};

fn busy() -> Driver {
    Driver::new(fixture::app(fixture::busy()))
}

fn requests(effects: Vec<Effect>) -> Vec<Request> {
    let request = |e| match e {
        Effect::Send { request, .. } => Some(request),
        _ => None,
    };
    effects.into_iter().filter_map(request).collect()
}

/// Whether the engine is asked to stop, and nothing else.
fn stops(effects: &[Effect]) -> bool {
    matches!(effects, [Effect::Stop { .. }])
}

fn toast(driver: &Driver) -> String {
    driver
        .app
        .toast
        .as_ref()
        .map_or_else(String::new, |t| t.text.clone())
}

/// Why what lay over the screen closed by itself.
fn why_closed(driver: &Driver) -> String {
    match &driver.app.overlay {
        Some(Overlay::Closed(closed)) => closed.why.clone(),
        other => panic!("{other:?}"),
    }
}

fn with(change: impl FnOnce(&mut Snapshot)) -> Event {
    let mut snapshot = fixture::busy();
    snapshot.revision += 1;
    change(&mut snapshot);
    Event::Snapshot(Arc::new(snapshot))
}

fn changed(s: &mut Snapshot) {
    let action = &mut s.actions[0];
    action.facts[4].value = "31 ETH from the pool".into();
    if let Payload::Transaction(tx) = &mut action.payload {
        tx.fee_ceiling_wei += alloy::primitives::U256::from(1);
    }
    action.digest = fixture::root(0xdd);
}

fn screen(d: &mut Driver) -> String {
    let mut terminal = ratatui::Terminal::new(ratatui::backend::TestBackend::new(120, 60)).unwrap();
    terminal
        .draw(|f| crate::console::screens::draw(f, &mut d.app))
        .unwrap();
    terminal.backend().to_string()
}
