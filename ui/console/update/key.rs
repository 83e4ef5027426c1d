//! A key: through the key map to its verb.

use super::*;
use crate::console::app::Help;
use crate::console::keys::{Command, Key, Scene};

/// A key went down, or repeats because it is held. A held key moves and types, but it never does anything else.
pub(super) fn pressed(app: &mut App, key: Key, repeat: bool) -> Vec<Effect> {
    app.touched();
    let scene = app.scene();
    let command = app.settings.keys.command(scene, key);
    if command != Some(Command::Interrupt) {
        app.interrupted = false;
    }
    if repeat && !command.is_none_or(moves) {
        return vec![];
    }
    match (scene, command) {
        (Scene::Ask, command) => ask::key(app, key, command),
        (Scene::Input, None) => {
            if let Some(Overlay::Input(field)) = &mut app.overlay {
                field::key(field, key);
                field::changed(app);
            }
            vec![]
        }
        (Scene::Batch, None) => {
            if !repeat {
                batch::key(app, key);
            }
            vec![]
        }
        (Scene::Palette, None) => {
            palette::key(app, key);
            vec![]
        }
        // it was meant for what is not there any more
        (Scene::Closed, None) => vec![],
        (_, Some(command)) => run(app, scene, command),
        (_, None) => unknown(app, scene, key),
    }
}

fn moves(command: Command) -> bool {
    use Command as C;
    matches!(
        command,
        C::Up | C::Down | C::PageUp | C::PageDown | C::Left | C::Right
    )
}

fn unknown(app: &mut App, scene: Scene, key: Key) -> Vec<Effect> {
    let removed = app.read_only()
        && crate::console::keys::TABLE.iter().any(|row| {
            row.dangerous
                && scene.groups().contains(&row.group)
                && row.keys.iter().any(|k| k.parse::<Key>().is_ok_and(|k| k == key))
        });
    if removed {
        app.say(Token::Info, "read-only: nothing is decided from here");
    } else {
        unheard::say(app, scene, key);
    }
    vec![]
}

/// Runs a command of the table.
pub(super) fn run(app: &mut App, scene: Scene, command: Command) -> Vec<Effect> {
    use Command as C;
    let refused = app.read_only() && !mode::may_be_switched(app, command);
    if refused && is_dangerous(command) && scene != Scene::Quit {
        let why = match app.past {
            Some(_) => "this is the past: nothing is decided here",
            None => "observe mode: nothing is decided here",
        };
        app.say(Token::Info, why);
        return vec![];
    }
    match command {
        C::Interrupt => return quit::interrupt(app),
        C::Redraw => return vec![Effect::Repaint],
        C::Suspend => return quit::suspend(app),
        C::Mouse => return look::mouse(app),
        C::Back => return quit::back(app),
        C::Yes => return quit::confirmed(app),
        C::No => app.overlay = None,
        C::Close | C::Cancel => navigate::close(app),
        C::Approve => return approve::start(app),
        C::ApproveAll => return batch::submit(app),
        C::TakeBack => return take_back::send(app),
        C::Reject => reject::start(app),
        C::Submit => return field::submit(app),
        C::Retry => return retry::send(app),
        C::Pause => return pause::case(app),
        C::PauseAll => return pause::everything(app),
        C::Mode => mode::start(app),
        C::Adopt => adopt::start(app),
        C::Director => director::open(app),
        C::Reshare => reshare::start(app),
        C::Exit => exit::start(app),
        C::RedoKey => redo_key::start(app),
        C::GiveUp => give_up::start(app),
        C::Committee => committee::open(app),
        C::Toggle => committee::toggle(app),
        C::Propose => return committee::propose(app),
        C::Copy => return copy::open(app),
        C::CopyThis => return copy::this(app),
        C::Messages => app.overlay = Some(Overlay::Messages { scroll: 0 }),
        C::Help => app.overlay = Some(Overlay::Help(Help::default())),
        C::Leave => return quit::ask(app),
        C::Palette => palette::open(app),
        C::Run => return palette::run(app),
        C::Theme => look::next_theme(app),
        C::SaveScreen => return vec![Effect::SaveScreen],
        C::Search => find::open(app),
        C::FindNext => find::step(app, 1),
        C::FindPrevious => find::step(app, -1),
        C::Past | C::Audit | C::Status | C::Charts => return page(app, command),
        C::Sort | C::SortTurned | C::Mark | C::Batch => in_lists(app, command),
        C::Unfold => look::unfold(app),
        C::Filter => field::open_filter(app),
        C::Clear => field::clear_filter(app),
        C::Open | C::Follow => return navigate::open(app),
        C::Tab(number) => navigate::numbered(app, number),
        C::NextWaiting => return select::step(app, 1),
        C::PreviousWaiting => return select::step(app, -1),
        C::Zoom => navigate::zoom(app),
        C::NextPane | C::Right => navigate::next(app, 1),
        C::PreviousPane | C::Left => navigate::next(app, -1),
        C::LogMore | C::LogLess => look::levels(app, command == C::LogMore),
        C::Up | C::Down | C::PageUp | C::PageDown | C::Top | C::Bottom => {
            return navigate::step(app, navigate::Step::of(command));
        }
    }
    vec![]
}

/// What has a page of its own, or makes one.
fn page(app: &mut App, command: Command) -> Vec<Effect> {
    match command {
        Command::Past => past::open(app),
        Command::Audit => return audit::start(app),
        Command::Charts => return navigate::charts(app),
        _ => return navigate::status(app),
    }
    vec![]
}

/// What is done with the rows of a list.
fn in_lists(app: &mut App, command: Command) {
    match command {
        Command::Sort => sort::next(app),
        Command::SortTurned => sort::turn(app),
        Command::Mark => batch::mark(app),
        _ => batch::open(app),
    }
}

fn is_dangerous(command: Command) -> bool {
    crate::console::keys::TABLE
        .iter()
        .any(|row| row.command == command && row.dangerous)
}
