//! What a list is sorted by. Left alone, lists have the order in which things matter.

use super::*;

/// The next thing to sort by, and after the last the order in which things matter.
pub(super) fn next(app: &mut App) {
    let pane = app.pane();
    let names = pane.sorts();
    if names.is_empty() {
        return app.say(Token::Info, format!("{} have one order only", pane.title()));
    }
    let next = match app.list(pane).sort {
        None => Some(0),
        Some((by, _)) => Some(by + 1).filter(|by| *by < names.len()),
    };
    set(app, next.map(|by| (by, false)));
}

/// The other way round.
pub(super) fn turn(app: &mut App) {
    match app.list(app.pane()).sort {
        Some((by, turned)) => set(app, Some((by, !turned))),
        None => app.say(
            Token::Info,
            "sorted by nothing: it has the order in which things matter",
        ),
    }
}

fn set(app: &mut App, sort: Option<(usize, bool)>) {
    let pane = app.pane();
    app.with_list(pane, |list, known| {
        list.sort = sort;
        list.refresh(known, None);
    });
    let text = match sort {
        Some((by, turned)) => format!("{} by {}", pane.title(), words(pane.sorts()[by], turned)),
        None => format!("{} in the order in which they matter", pane.title()),
    };
    app.say(Token::Info, text);
}

fn words(name: &str, turned: bool) -> String {
    let way = if turned { ", the other way round" } else { "" };
    format!("{name}{way}")
}
