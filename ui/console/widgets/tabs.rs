//! The tab bar: full names, short names, or numbers around the present tab's name, as the width allows.

use ratatui::Frame;
use ratatui::layout::Rect;
use ratatui::text::{Line, Span};

use super::text::width;
use crate::console::app::{App, Hit, Tab};
use crate::console::theme::Token;

pub(crate) fn draw(frame: &mut Frame<'_>, area: Rect, app: &mut App) {
    let names = [
        Tab::title as fn(Tab) -> &'static str,
        name_short,
        name_shortest,
        |_| "",
    ];
    let labels = names
        .into_iter()
        .map(|name| labels(app, name))
        .find(|labels| {
            let total: usize = labels.iter().map(|(_, label)| width(label) + 1).sum();
            total <= usize::from(area.width)
        })
        .unwrap_or_else(|| labels(app, |_| ""));
    let mut x = area.x;
    let mut spans = Vec::new();
    for (tab, label) in labels {
        let w = width(&label) as u16 + 1;
        let token = if tab == app.tab {
            Token::TitleFocus
        } else {
            Token::Muted
        };
        let mut style = app.style(token);
        if tab == app.tab {
            style = style.add_modifier(ratatui::style::Modifier::UNDERLINED);
        }
        spans.push(Span::styled(label.clone(), style));
        spans.push(Span::raw(" "));
        let hit = Rect::new(x, area.y, w, 1).intersection(area);
        app.hits.push((hit, Hit::Tab(tab)));
        x = x.saturating_add(w);
    }
    frame.render_widget(Line::from(spans), area);
}

fn labels(app: &App, name: fn(Tab) -> &'static str) -> Vec<(Tab, String)> {
    Tab::all(&app.settings.panes)
        .enumerate()
        .map(|(i, tab)| {
            let shown = match name(tab) {
                // the present tab keeps a name of its own, however narrow it gets
                shorter if tab == app.tab && shorter.len() < name_short(tab).len() => name_short(tab),
                shown => shown,
            };
            let waiting = match tab {
                Tab::Only(pane) => pane.badge(app),
                Tab::Overview => 0,
            };
            let badge = if waiting > 0 {
                format!(" ({waiting})")
            } else {
                String::new()
            };
            let gap = if shown.is_empty() { "" } else { " " };
            (tab, format!(" {}{gap}{shown}{badge}", i + 1))
        })
        .collect()
}

fn name_short(tab: Tab) -> &'static str {
    match tab {
        Tab::Overview => tab.title(),
        Tab::Only(pane) => pane.names().short,
    }
}

fn name_shortest(tab: Tab) -> &'static str {
    match tab {
        Tab::Overview => tab.title(),
        Tab::Only(pane) => pane.names().shortest,
    }
}
